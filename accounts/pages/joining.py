"""The page behind an invitation's link: who invites to what, and accepting it."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.actions.joining import AcceptInvitation, InvitationClosed, Offer, open_offer
from accounts.forms import ConfirmForm, adopt_errors
from accounts.limits import join_refused
from accounts.links import org_url
from accounts.pages.entrance import brand_or_404
from tenancy.errors import AccessDenied, ActionRefused
from tenancy.routes import declares, public


class NewPersonForm(forms.Form):
    """What a person without an account gives to accept."""

    name = forms.CharField(label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html,
    )


@declares(public("the link of an invitation, for people we do not know yet; its opening is limited"))
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: Any, token: str) -> HttpResponse:
    """Show who invites to what, and on POST accept: as the person signed in, or as a new one with a password."""
    brand_or_404(request)
    if join_refused(request.origin.address, token):
        return _closed(request, "Too many attempts. Wait ten minutes, then open the link again.", 429)
    try:
        offer = open_offer(request.organization_slug, token, request.origin)
    except InvitationClosed as closed:
        return _closed(request, str(closed), 404)
    user = request.user if request.user.is_authenticated else None
    if user is not None and user.email != offer.email:
        return _page(request, token, offer, ConfirmForm(), "org/join/wrong_person.html")
    if user is None and offer.has_account:
        return _page(request, token, offer, ConfirmForm(), "org/join/sign_in_first.html")
    sent = request.POST if request.method == "POST" else None
    form = NewPersonForm(sent) if user is None else ConfirmForm(sent)
    if form.is_valid() and (response := _accept(request, token, form)):
        return response
    return _page(request, token, offer, form, "org/join/accept.html")


def _accept(request: Any, token: str, form: forms.Form) -> HttpResponse | None:
    """Accept and answer the way in, or tell on the form why not."""
    user = request.user if request.user.is_authenticated else None
    verb = AcceptInvitation(
        request.organization_slug,
        token,
        user=user,
        name=form.cleaned_data.get("name", ""),
        password=form.cleaned_data.get("password", ""),
        origin=request.origin,
    )
    try:
        membership = verb.execute()
    except ValidationError as invalid:
        adopt_errors(form, invalid)
    except (AccessDenied, ActionRefused) as refused:
        form.add_error(None, str(refused))
    except InvitationClosed as closed:
        return _closed(request, str(closed), 404)
    else:
        home = org_url(request, "home")
        if user is not None:
            messages.success(request, f"Welcome. You work here as {membership.role.display_name.lower()}.")
            return HttpResponseRedirect(home)
        return perform_login(request, membership.user, redirect_url=home)  # type: ignore[no-any-return]
    return None


def _page(request: Any, token: str, offer: Offer, form: forms.Form, template: str) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    here = org_url(request, "join", token)
    return render(request, template, {"offer": offer, "form": form, "here": here}, status=status)


def _closed(request: Any, sentence: str, status: int) -> HttpResponse:
    return render(request, "org/join/closed.html", {"sentence": sentence}, status=status)
