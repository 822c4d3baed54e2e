"""The explorer's pages: who can do this, what can this person do, may they and why, and what they would see."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from iam_dashboard.explorer import exporting
from iam_dashboard.explorer.asking import Question, read
from iam_dashboard.explorer.looking import outlook
from roles.engine.remedy import Change
from roles.engine.remedy import Step as Remedying
from roles.explorer import EXPORT, KEYS, VIEW_AS, Place, Step, Subject, Verdict
from tenancy.actors import Actor, Scope
from tenancy.console import ConsolePages, ConsoleRoute
from tenancy.policies import decide

PER_PAGE = 50
ASKING = KEYS[Scope.PLATFORM]
#: What each link of a chain is marked with, out of the icons of the sprite.
MARKS = {
    Step.PERSON: "user",
    Step.PLACE: "building",
    Step.MEMBERSHIP: "link",
    Step.ROLE: "shield",
    Step.SECOND_FACTOR: "fingerprint",
    Step.INHERITANCE: "layers",
    Step.PERMISSION: "key",
    Step.REACH: "target",
}
#: The page of a role where each change is made.
REMEDIES = {Change.GIVE_ROLE: "people-add", Change.ADD_PERMISSION: "permissions", Change.ACTIVATE_ROLE: "activate"}


def who(pages: ExplorerPages, request: Any) -> HttpResponseBase:
    """Answer who can do this, a page at a time."""
    asked = read(request)
    entry = asked.permission.found
    if asked.names_in_vain:
        return _without_names(request, asked)
    if asked.explorer is None or entry is None:
        return pages.render(request, "who", asked)
    about = entry.key, asked.resource.words, asked.owner.words
    asked.explorer.record(None, entry.key, object_id=asked.resource.words)
    holders = asked.explorer.who_can(*about, after=request.GET.get("after", ""), limit=PER_PAGE)
    shares = asked.explorer.shares(*about)
    return pages.render(
        request,
        "who",
        asked,
        entry=entry,
        holders=holders,
        rows=[{"holder": one, "why": asked.address(person=one.subject.id)} for one in holders.shown],
        shares=shares,
        count=sum(share.people for share in shares),
        idle=sum(share.idle for share in shares),
        is_first=not request.GET.get("after"),
    )


def person(pages: ExplorerPages, request: Any) -> HttpResponseBase:
    """Answer what this person can do."""
    asked = read(request)
    subject = asked.person.found
    if asked.explorer is None or subject is None:
        return pages.render(request, "person", asked)
    asked.explorer.record(subject)
    if subject.person is None:
        return pages.render(request, "person", asked, subject=subject)
    categories = asked.explorer.what_can(subject.person)
    return pages.render(
        request,
        "person",
        asked,
        subject=subject,
        categories=categories,
        count=sum(category.usable for category in categories),
        total=sum(category.size for category in categories),
        refusal=subject.person.refusal,
    )


def may(pages: ExplorerPages, request: Any) -> HttpResponseBase:
    """Answer whether they may, and why."""
    asked = read(request)
    subject, entry = asked.person.found, asked.permission.found
    if asked.names_in_vain:
        return _without_names(request, asked)
    if asked.explorer is None or subject is None or entry is None:
        return pages.render(request, "may", asked)
    resource, owner = asked.resource.words, asked.owner.words
    asked.explorer.record(subject, entry.key, object_id=resource)
    verdict = asked.explorer.may(subject, entry.key, resource, owner)
    chain = [
        {
            "link": link,
            "mark": MARKS[link.step],
            "url": reverse("admin:roles_role_change", args=(link.role_id,)) if link.role_id else "",
        }
        for link in verdict.chain
    ]
    return pages.render(
        request, "may", asked, verdict=verdict, chain=chain, steps=_steps(asked.explorer.place, verdict)
    )


def view_as(pages: ExplorerPages, request: Any) -> HttpResponseBase:
    """Answer what is open and what is closed to the person. Nobody acts as them, and nothing is drawn as for them."""
    asked = read(request)
    subject = asked.person.found
    if asked.explorer is None or subject is None:
        return pages.render(request, "view-as", asked)
    asked.explorer.record(subject, "", VIEW_AS)
    ways = outlook(asked.explorer, subject, pages.admin_site)
    return pages.render(request, "view-as", asked, subject=subject, ways=ways)


def who_file(pages: ExplorerPages, request: Any) -> HttpResponseBase:
    """Answer who can do this as a file."""
    asked = read(request)
    explorer, entry = asked.explorer, asked.permission.found
    if asked.names_in_vain:
        return _without_names(request, asked)
    if explorer is None or entry is None:
        raise Http404
    about = entry.key, asked.resource.words, asked.owner.words
    explorer.record(None, entry.key, EXPORT, object_id=asked.resource.words)
    rows = exporting.holders(explorer, about, request.actor, request.origin)
    return exporting.answer(request, _filename("who-can", entry.key), exporting.HOLDER_COLUMNS, rows)


def person_file(pages: ExplorerPages, request: Any) -> HttpResponseBase:
    """Answer what this person can do as a file."""
    asked = read(request)
    explorer, subject = asked.explorer, asked.person.found
    if explorer is None or subject is None or subject.person is None:
        raise Http404
    explorer.record(subject, "", EXPORT)
    rows = exporting.grants(explorer.what_can(subject.person), counts=subject.person.refusal is None)
    return exporting.answer(request, _filename("what-can", subject.user.email), exporting.GRANT_COLUMNS, rows)


class ExplorerPages(ConsolePages):
    """The access explorer, one tab for each question."""

    name, title, section, icon = "explorer", "Access explorer", "Access", "travel_explore"
    routes = (
        ConsoleRoute("who", "who/", who, ASKING),
        ConsoleRoute("person", "person/", person, ASKING),
        ConsoleRoute("may", "may/", may, ASKING),
        ConsoleRoute("view-as", "view-as/", view_as, (*ASKING, VIEW_AS)),
        ConsoleRoute("who-file", "who.csv", who_file, (*ASKING, EXPORT)),
        ConsoleRoute("person-file", "person.csv", person_file, (*ASKING, EXPORT)),
    )

    def render(self, request: Any, tab: str, asked: Question, **shown: Any) -> TemplateResponse:
        """Answer a tab, with its fields and what the viewer may turn to from there."""
        actor: Actor = request.actor
        around = {
            **self.admin_site.each_context(request),
            "title": self.title,
            "tabs": list(self._tabs(actor, tab, asked)),
            "asked": asked,
            "tab": tab,
            "may_export": decide(actor, EXPORT) is None,
            "may_view_as": decide(actor, VIEW_AS) is None,
        }
        return TemplateResponse(request, f"admin/explorer/{tab.replace('-', '_')}.html", {**around, **shown})

    def _tabs(self, actor: Actor, current: str, asked: Question) -> Any:
        titles = {"who": "Who can?", "person": "What can they?", "may": "May they?", "view-as": "View as"}
        for route in self.routes:
            if route.name in titles and not any(decide(actor, key) for key in route.keys):
                url = f"{self.address(route.name)}?{asked.kept}".removesuffix("?")
                yield {"title": titles[route.name], "url": url, "current": route.name == current}


def _without_names(request: Any, asked: Question) -> HttpResponseBase:
    """Lead to the question that is answered, so that no address tells of a narrower one."""
    return HttpResponseRedirect(f"{request.path}?{asked.kept}")


def _steps(place: Place, verdict: Verdict) -> list[dict[str, Any]]:
    """Return the steps of the remedy, each with the page that takes it, and the role that they lose by it: nobody has
    two in a place."""
    subject, steps = verdict.subject, verdict.remedy.steps if verdict.remedy else ()
    held = subject.person.held.role if subject.person else None
    return [
        {
            "step": step,
            "url": _page_of(step, place, subject),
            "replaced": held if step.change is Change.GIVE_ROLE else None,
        }
        for step in steps
    ]


def _page_of(step: Remedying, place: Place, subject: Subject) -> str:
    page = REMEDIES.get(step.change)
    if page is None or step.role is None:
        return ""
    url = reverse(f"admin:roles_role_{page}", args=(step.role.id,))
    if step.change is not Change.GIVE_ROLE:
        return url
    filled = {"people": subject.user.email, "organization": place.slug}
    return f"{url}?{urlencode({name: value for name, value in filled.items() if value})}#add-heading"


def _filename(question: str, of: str) -> str:
    return f"{question}-{re.sub('[^A-Za-z0-9@.]+', '-', of)}.csv"
