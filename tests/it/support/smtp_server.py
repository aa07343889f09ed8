"""A mail server for the tests, by aiosmtpd: with STARTTLS or TLS and a log-in if asked, and with whims.

usage: smtp_server.py OPTIONS-AS-JSON
options: port, inbox (a file: one JSON object a letter), cert, key, tls ("none", "starttls", "tls"), user, password

Recipients with whims: refused@… (550), later@… (451 once), crash@… (takes the letter, then dies before it says
so, once).
"""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])


def once(name):
    """Whether this whim has not been shown yet; survives the process."""
    mark = f"{OPTIONS['inbox']}.{name}"
    if os.path.exists(mark):
        return False
    open(mark, "w").close()
    return True


class Inbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 There is nobody of this name here"
        if address.startswith("later") and once("later"):
            return "451 4.7.1 Greylisted, come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or OPTIONS["tls"] == "tls",
            "user": session.login_data.decode() if session.login_data else None,
            "letter": envelope.original_content.decode("utf-8"),
        }
        with open(OPTIONS["inbox"], "a") as inbox:
            inbox.write(json.dumps(letter) + "\n")
            inbox.flush()
            os.fsync(inbox.fileno())
        if any(address.startswith("crash") for address in envelope.rcpt_tos) and once("crash"):
            os._exit(1)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login.decode() == OPTIONS["user"] and data.password.decode() == OPTIONS["password"]
    return AuthResult(success=good, handled=False, auth_data=data.login)


async def main():
    context = None
    if OPTIONS["tls"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(OPTIONS["cert"], OPTIONS["key"])
    starttls = context if OPTIONS["tls"] == "starttls" else None
    login = OPTIONS.get("user") is not None

    def factory():
        return SMTP(
            Inbox(),
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=login,
            auth_require_tls=OPTIONS["tls"] == "starttls",
            authenticator=authenticate if login else None,
        )

    implicit = context if OPTIONS["tls"] == "tls" else None
    server = await asyncio.get_running_loop().create_server(
        factory, "127.0.0.1", OPTIONS["port"], ssl=implicit
    )
    async with server:
        # The tests end when their end of this pipe closes, however they end.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
