"""What the routes of installed packages need: they cannot carry our decorator."""

from tenancy.routes import declare_names, public, signed_in

ACCOUNT = "the person's own account"

declare_names(
    {
        # Signing in and getting back in: for people we do not know yet. allauth limits their rate.
        "account_login": public("sign-in"),
        "account_signup": public("says that accounts come by invitation"),
        "account_inactive": public("says that the account is not active"),
        "account_confirm_email": public("the link of a verification e-mail"),
        "account_email_verification_sent": public("says that a verification e-mail was sent"),
        "account_reset_password*": public("password reset by e-mail"),
        "account_request_login_code": public("sign-in"),
        "account_confirm_login_code": public("sign-in"),
        "account_logout": public("signing out twice does no harm"),
        "mfa_authenticate": public("second factor of a sign-in under way"),
        "mfa_login_webauthn": public("sign-in by passkey"),
        "mfa_signup_webauthn": public("says that accounts come by invitation"),
        "mfa_trust": public("second factor of a sign-in under way"),
        # One's own account.
        "account_*": signed_in(ACCOUNT),
        "mfa_*": signed_in(ACCOUNT),
        "usersessions_*": signed_in("the person's own sessions"),
        # The console's own way in and out.
        "admin:login": public("leads to the product's sign-in"),
        "admin:logout": public("leads to the product's sign-out"),
        "admin:jsi18n": public("translations of the console's scripts"),
        "admin:view_on_site": signed_in("unused: no model of the console has a page of its own"),
    }
)
