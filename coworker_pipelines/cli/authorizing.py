"""`coworker connections authorize`: a tenant lets us in at the source, by OAuth."""

import webbrowser
from typing import Annotated

import typer

from coworker_pipelines.cli.forms import ask_secret, read_secret
from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import Json, console, errors, show_rows
from coworker_pipelines.cli.scheduling import Handle
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.authorization import AuthorizationRequest
from coworker_pipelines.oauth.authorizer import Authorised
from coworker_pipelines.oauth.callback import ANSWER_S, LoopbackCallback
from coworker_pipelines.oauth.failures import CLOCK_AHEAD_MAX_S
from coworker_pipelines.oauth.grants import list_grants
from coworker_pipelines.sdk.oauth import ClientAuthentication, OAuthProvider
from coworker_pipelines.services.ports import ANY_PORT

SECONDS_MAX = 3600.0


def authorize(
    handle: Handle,
    *,
    client_id: Annotated[
        str | None,
        typer.Option(help="The client that is registered at the source; the last one if left out."),
    ] = None,
    client_secret_file: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The client's secret ('-' for standard input)."),
    ] = None,
    paste: Annotated[
        bool, typer.Option("--paste", help="The browser runs elsewhere: paste what it ends at.")
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the address in this machine's browser.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(help="The port of the redirect address; any free one by itself.", max=65535),
    ] = ANY_PORT,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for the answer.", min=1, max=SECONDS_MAX)
    ] = ANSWER_S,
) -> None:
    """Let Coworker in at the source, by OAuth; what was authorised before is revoked.

    Prints an address to be opened in a browser. The client's secret is asked for without echo, or
    read from a file; it is never given as an argument.

    Example: coworker connections authorize acme.code --client-id Iv1.8a61f9b3a7aba766
    """
    with opened() as platform:
        provider = platform.letting_in.provider(handle)
        client = client_id or platform.letting_in.authorizer.last_client_id(handle)
        if client is None:
            raise TenantActionError(
                "Give --client-id: the id of the client that is registered for us at the source."
            )
        secret = _client_secret(provider, client_secret_file)
        with LoopbackCallback(port) as callback:
            request = AuthorizationRequest.new(provider, client, callback.redirect_url)
            _show(request.url)
            if open_browser:
                webbrowser.open(request.url)
            answer = None if paste else callback.wait(wait)
        # Nobody listens any more when something is to be pasted: the browser then says at once
        # that it cannot go on, and shows the address.
        code = request.code_pasted(_pasted()) if answer is None else request.code_in(answer)
        authorised = platform.letting_in.authorizer.accept(
            handle, request, code, client_secret=secret, authorised_by=operator()
        )
    _tell(handle, authorised)


def deauthorize(handle: Handle) -> None:
    """Withdraw what a tenant let Coworker in with; it is revoked at the source.

    Example: coworker connections deauthorize acme.code
    """
    with opened() as platform:
        platform.letting_in.authorizer.withdraw(handle)
    console.print(
        f"{handle} is not let in any more; the next run of the job oauth_tokens tells the source."
    )


def authorizations(handle: Handle, *, as_json: Json = False) -> None:
    """List a connection's authorisations: by whom, when, what for, until when."""
    with opened() as platform, platform.database.control() as session:
        rows = [
            {
                "authorised_at": grant.authorised_at,
                "authorised_by": grant.authorised_by,
                "client": grant.client_id,
                "scopes": ", ".join(grant.scopes),
                "state": grant.state,
                "token_until": grant.token_expires_at,
                "refreshed_at": grant.refreshed_at,
                "next_at": grant.due_at,
                "note": grant.note,
            }
            for grant in list_grants(session, find_connection(session, handle).id)
        ]
    show_rows(
        rows,
        ("authorised_at", "authorised_by", "scopes", "state", "token_until", "next_at", "note"),
        as_json=as_json,
        none=f"Nobody let us in yet: coworker connections authorize {handle}",
    )


def _client_secret(provider: OAuthProvider, file: str | None) -> Secret | None:
    if file is not None:
        return read_secret(file)
    if provider.client_authentication is ClientAuthentication.NONE:
        return None
    return ask_secret("The client's secret")


def _pasted() -> str:
    text: str = typer.prompt("The address that the browser ends at, or the code", err=True)
    return text


def _show(url: str) -> None:
    """Alone on standard output, and whole, so that it can be copied or piped."""
    errors.print("Open this address, log in at the source and agree:", highlight=False)
    typer.echo(url)


def _tell(handle: str, authorised: Authorised) -> None:
    until = (
        f"until {authorised.expires_at:%Y-%m-%d %H:%M:%S} UTC, and renewed before that"
        if authorised.expires_at and authorised.is_renewable
        else "until it is revoked"
    )
    if not authorised.is_renewable:
        until = (
            f"until {authorised.expires_at:%Y-%m-%d %H:%M:%S} UTC only: the source gave nothing "
            "to renew it with"
        )
    console.print(
        f"{handle} is let in for {', '.join(authorised.scopes)}, {until}.", highlight=False
    )
    if authorised.replaced:
        console.print("The authorisation before this one is revoked by the job oauth_tokens.")
    if abs(authorised.clock_ahead_s) > CLOCK_AHEAD_MAX_S:
        errors.print(
            f"This machine's clock is {abs(authorised.clock_ahead_s):.0f} s "
            f"{'behind' if authorised.clock_ahead_s > 0 else 'ahead of'} the source's: set it "
            "right, or runs will take tokens for good or for bad at the wrong time.",
            highlight=False,
        )
