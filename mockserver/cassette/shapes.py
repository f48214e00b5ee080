"""The shapes of keys: one table. A line is a kind, the piece of text without which the shape cannot be there, the shape,
what else must hold. The public source stands in a comment; where there is none it is
https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml.

Every pattern begins with a plain text or stands at the edge of a word, and goes on with one class of characters, so that
looking for it takes time in proportion to the text (``tests/cassette/test_linear.py`` measures each). What a pattern
matched is then looked at by ``random`` where words can have the same shape: ``sk-learnability`` is no key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from mockserver.cassette.decode import STEP
from mockserver.cassette.words import varied, wordlike
from mockserver.core.yielding import yield_to_others, yielding
from mockserver.dialects.registry import DIALECTS

_EDGE = r"(?<![A-Za-z0-9])"
_LOW = r"(?<![A-Za-z0-9_])"
_END = r"(?![A-Za-z0-9])"

Check = Callable[[str], bool]
_KINDS = re.compile(r"(?:(?:proj|svcacct|service|admin|ant|api\d\d|or|lf|car|v\d|live|test|None)[-_])+", re.ASCII)


def random(body: str) -> bool:
    """Whether what follows a prefix is drawn at random, and not made of words."""
    rest = _KINDS.match(body)
    return not wordlike(body[rest.end() :] if rest else body)


class Regex(NamedTuple):
    """An expression that is compiled when it is needed: most of them never are, and all take a tenth of a start."""

    text: str
    flags: int = 0

    @property
    def compiled(self) -> re.Pattern[str]:
        """Compiled once."""
        return _compiled(self)


@cache
def _compiled(regex: Regex) -> re.Pattern[str]:
    return re.compile(regex.text, regex.flags)


class KeyShape(NamedTuple):
    """One kind of key. ``check`` is asked about the match without its prefix; ``least``: fewer characters behind the
    prefix are no key, but may be the beginning of one.
    """

    kind: str
    marker: str
    regex: Regex
    check: Check | None
    least: int
    back: int = 0  # so many characters stand in front of the marker

    @property
    def pattern(self) -> re.Pattern[str]:
        """The shape as an expression."""
        return self.regex.compiled


def _shape(kind: str, marker: str, body: str, check: Check | None, edge: str = _EDGE) -> KeyShape:
    least = re.search(r"\{(\d+)", body)
    return KeyShape(
        kind,
        marker,
        Regex(edge + re.escape(marker) + body, re.ASCII),
        check,
        int(least[1]) if least else 1,
    )


_WORD = "[A-Za-z0-9_-]"
_PLAIN = "[A-Za-z0-9]"
_HEX = "[0-9a-fA-F]"

SHAPES: tuple[KeyShape, ...] = (
    # Many providers' keys begin with sk-. Short ones too: better a word lost than a key kept.
    _shape("key", "sk-", _WORD + "{8,}", random),  # https://platform.openai.com/docs/api-reference/authentication
    # Client secrets, and what a browser's session is opened with.
    _shape("token", "ek_", _WORD + "{8,}", random, _LOW),  # https://platform.openai.com/docs/api-reference/realtime-sessions
    _shape("token", "sess-", _PLAIN + "{16,}", random),
    # What the dialects know of their providers' keys.
    *(_shape("key", begin, _WORD + f"{{{least},}}", random)
      for begin, least in sorted({one for dialect in DIALECTS.values() for one in dialect.keys.begins})),
    # Google: API keys (old and new), Live ephemeral tokens, OAuth access and refresh tokens, client secrets.
    _shape("key", "AIza", _WORD + "{20,}", None),  # https://cloud.google.com/docs/authentication/api-keys
    _shape("key", "AQ.", _WORD + "{30,}", None),  # https://ai.google.dev/gemini-api/docs/api-key
    _shape("token", "auth_tokens/", f"({_WORD}{{8,}})", random, ""),  # https://ai.google.dev/gemini-api/docs/ephemeral-tokens
    _shape("token", "ya29.", r"(?:[A-Za-z0-9_-]{1,20}\.){0,3}[A-Za-z0-9_-]{16,}", None),  # https://cloud.google.com/docs/authentication/token-types
    _shape("token", "1//0", _WORD + "{24,}", random, r"(?<![\w/.:-])"),  # https://developers.google.com/identity/protocols/oauth2
    _shape("key", "GOCSPX-", _WORD + "{16,}", None),
    # JSON Web Tokens: RFC 7519; five parts where they are encrypted, some of them empty: RFC 7516.
    KeyShape("token", "eyJ", Regex(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}"), lambda body: "." in body[:-8],
          12),  # https://www.rfc-editor.org/rfc/rfc7519
    *(_shape("key", marker, "[0-9A-Z]{16}" + _END, None)  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
      for marker in ("AKIA", "ASIA", "ABIA", "ACCA")),
    *(_shape("token", f"gh{letter}_", _PLAIN + "{20,}", random)  # https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
      for letter in "pousr"),
    _shape("token", "github_pat_", "[A-Za-z0-9_]{20,}", random),
    *(_shape("token", marker, _WORD + "{16,}", random)  # https://docs.gitlab.com/security/tokens/
      for marker in ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glft-", "glimt-", "glagent-", "glffct-")),
    *(_shape("token", f"xox{letter}-", _WORD + "{10,}", random) for letter in "abceoprs"),  # https://docs.slack.dev/authentication/tokens
    _shape("token", "xapp-", _WORD + "{16,}", random),  # https://docs.slack.dev/authentication/tokens
    _shape("token", "xoxd-", "[A-Za-z0-9%+/=_-]{16,}", random),  # a cookie, percent-encoded as a rule
    *(_shape("token", f"hooks.slack.com/{kind}/", "[A-Za-z0-9/]{16,}", varied) for kind in ("workflows", "triggers")),
    _shape("token", "hooks.slack.com/services/", "[A-Za-z0-9/]{16,}", varied),  # https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    *(_shape("key", f"{first}k_{mode}_", _PLAIN + "{10,}", random, _LOW)  # https://docs.stripe.com/keys
      for first in "sr" for mode in ("live", "test")),
    _shape("key", "whsec_", "[A-Za-z0-9+/=_-]{16,}", random),  # https://docs.stripe.com/webhooks
    *(_shape("key", marker, _WORD + "{16,}", random) for marker in (
        "hf_",  # https://huggingface.co/docs/hub/security-tokens
        "gsk_",  # https://console.groq.com/docs/quickstart
        "nvapi-",  # https://docs.api.nvidia.com
        "r8_",  # https://replicate.com/docs/topics/security/api-tokens
        "pplx-",  # https://docs.perplexity.ai
        "fw_",  # https://docs.fireworks.ai
        "tgp_v1_",  # https://docs.together.ai
        "tvly-",  # https://docs.tavily.com
        "pcsk_",  # https://docs.pinecone.io
        "lsv2_pt_",  # https://docs.smith.langchain.com
        "lsv2_sk_",  # https://docs.smith.langchain.com
        "npm_",  # https://docs.npmjs.com/about-access-tokens
        "pypi-",  # https://pypi.org/help/#apitoken
        "dckr_pat_",  # https://docs.docker.com/security/access-tokens/
        "dop_v1_", "doo_v1_", "dor_v1_",
        "shpat_", "shpca_", "shppa_", "shpss_",
        "sq0atp-", "sq0csp-",
        "lin_api_", "ntn_", "secret_",
        "hvs.", "hvb.",  # https://developer.hashicorp.com/vault/docs/concepts/tokens
        "glsa_", "glc_", "NRAK-", "sntrys_", "sntryu_",
        "PMAK-", "ATATT3x", "dp.pt.", "figd_", "sbp_", "sb_secret_",
        "HRKU-", "pscale_tkn_", "rubygems_",
        "AGE-SECRET-KEY-1", "tskey-", "ops_", "syt_",  # https://age-encryption.org/v1
        "jina_",  # https://jina.ai/reader
        "rnd_",  # https://render.com/docs/api
        "fm1r_", "fm2_",  # https://fly.io/docs/security/tokens/
        "bedrock-api-key-",  # https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
        "csk-",  # https://inference-docs.cerebras.ai
        "fpk_", "esecret_", "rpa_", "apify_api_", "bb_live_", "bb_test_", "e2b_", "ak_", "wandb_v1_", "api_org_",
        "vercel_blob_rw_", "vcp_", "vck_", "vci_", "vca_", "vcr_",  # https://vercel.com/docs/rest-api
        "phx_", "phc_",  # https://posthog.com/docs/api
        "mfa.", "lin_oauth_", "shpua_", "nfp_", "nfo_", "cfut_", "cfat_", "NRII-", "rdme_", "tfp_", "CFPAT-", "napi_",
        "pscale_pw_", "pscale_oauth_", "xkeysib-", "xsmtpsib-", "mlsn.", "dckr_oat_", "CLOJARS_", "squ_", "sqp_", "sqa_",
        "bkua_", "CCIPAT_", "CCIPRJ_", "secret-", "pat-na1-", "pat-eu1-", "access_token$production$", "ATCTT3x", "GR1348941",
    )),
    *(_shape("token", marker, r"[A-Za-z0-9_.-]{24,}", random) for marker in ("dp.st.", "dp.ct.", "dp.sa.", "snyk_uat.")),
    *(_shape("token", marker, r"[A-Z0-9]{24}\.[A-Z0-9]{64}", None)  # https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients
      for marker in ("dt0c01.", "dt0s01.")),
    _shape("token", "re_", "[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}", random, _LOW),  # https://resend.com/docs/api-reference/introduction
    _shape("token", "pa-", _WORD + "{40,}", random),  # https://docs.voyageai.com
    *(_shape("token", marker, _PLAIN + "{22}" + _END, random)  # https://modal.com/docs/guide/webhook-proxy-auth
      for marker in ("ak-", "as-", "wk-", "ws-")),
    _shape("key", "fc-", _HEX + "{32}" + _END, None),  # https://docs.firecrawl.dev
    *(_shape("key", marker, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", None)
      for marker in ("sdk-", "mob-")),  # https://launchdarkly.com/docs/home/account/environment/keys
    _shape("key", "A3-", "[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}", None),  # https://support.1password.com/secret-key-security/
    _shape("key", "v1.0-", "[0-9a-f]{24}-[0-9a-f]{100,}", None),  # Cloudflare's origin CA
    _shape("key", "ABSK", "[A-Za-z0-9+/]{60,}={0,2}", random),  # https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
    _shape("key", "AKCp", _PLAIN + "{50,}", random),
    _shape("token", "ATBB", _PLAIN + "{24,}", random),
    _shape("token", "EAA", _WORD + "{40,}", lambda body: len(set(body)) > 24, r"(?<![A-Za-z0-9+/_-])"),
    _shape("token", "APA91b", _WORD + "{40,}", random, ""),
    _shape("key", "dose", _HEX + "{32}" + _END, None),
    _shape("key", "inline:", "([A-Za-z0-9+/]{38,88}={0,2})", varied, ""),  # https://www.rfc-editor.org/rfc/rfc4568
    _shape("key", "pul-", _HEX + "{40}" + _END, None),
    _shape("key", "key_", _HEX + "{20,}" + _END, random, _LOW),  # https://docs.retellai.com/api-references
    _shape("token", "/api/webhooks/", r"\d{8,20}/([A-Za-z0-9_-]{24,})", random, ""),  # https://discord.com/developers/docs/resources/webhook
    _shape("key", "dapi", _HEX + "{32}" + _END, None),
    _shape("key", "key-", _HEX + "{32}" + _END, None),  # Mailgun
    _shape("key", "SK", "[0-9a-f]{32}" + _END, None),  # https://www.twilio.com/docs/iam/api-keys
    _shape("key", "SG.", _WORD + r"{16,}\.[A-Za-z0-9_-]{16,}", None),  # https://docs.sendgrid.com/ui/account-and-settings/api-keys
    # Those without a prefix: the marker stands inside.
    KeyShape("key", ".", Regex(
        r"(?<![A-Za-z0-9._/-])(?:[A-Za-z0-9]{8}\.[A-Za-z0-9]{32}|[0-9a-f]{32}\.[A-Za-z0-9]{16}|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|"
        r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})(?![A-Za-z0-9._-])"), random, 99,
          -1),  # https://docs.ultravox.ai
    *(KeyShape("key", marker, Regex(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{76}" + re.escape(marker) + r"[A-Za-z0-9+/]{5,8}={0,2}"), None, 99, 76)
      for marker in ("+ASt", "+ACDb")),  # https://github.com/microsoft/security-utilities
    KeyShape("key", "NRAL", Regex(r"(?<![A-Za-z0-9])[A-Za-z0-9]{36}NRAL(?![A-Za-z0-9])"), random, 99, 36),
    KeyShape("token", ":AA", Regex(r"(?<![A-Za-z0-9])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"), None,
          99, -1),  # https://core.telegram.org/bots/features#botfather
    KeyShape("key", "Q~", Regex(r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])"), None, 99, 4),
    KeyShape("key", "JQQJ9", Regex(r"(?<![A-Za-z0-9])[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9][A-L][A-Za-z0-9]{24}(?:[A-Za-z0-9]{2}==)?"), None,
          99, 52),  # https://github.com/microsoft/security-utilities
    KeyShape("key", ".atlasv1.", Regex(r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,}"), None,
          99, 14),  # https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens
    KeyShape("key", "-us", Regex(r"(?<![A-Za-z0-9])[0-9a-f]{32}-us\d{1,2}(?!\d)"), None, 99, 32),  # Mailchimp
    # PEM (RFC 7468) and OpenPGP (RFC 9580).
    KeyShape("key", "-----BEGIN ", Regex(
        r"-----BEGIN (?:[A-Z0-9]+ ){0,4}(?:PRIVATE KEY(?: BLOCK)?|MESSAGE)-----[A-Za-z0-9+/=\s\\:;,.()@-]*", re.ASCII), None,
        0),  # https://www.rfc-editor.org/rfc/rfc7468
    KeyShape("key", "PuTTY-User-Key-File-", Regex(r"PuTTY-User-Key-File-\d:[A-Za-z0-9+/=\s\\:;,.()@-]*", re.ASCII), None, 0),
)  # fmt: skip
"""All of them. To add one: a line here and a line in ``tests/cassette/corpus/keys.txt``."""

_DOTTED = re.compile(
    r"\.(?:(?:[0-9a-f]{64}|[A-Za-z0-9]{32}|[A-Za-z0-9]{16})(?![A-Za-z0-9._-])|[\w-]{6}\.[\w-]{27,38}(?![\w.-]))",
    re.ASCII,
)
_ENDINGS: dict[str, list[KeyShape]] = {}
_OTHERS: list[KeyShape] = []
for _one in SHAPES:
    if _one.marker[-1] in "-_." and len(_one.marker) > 2:
        _ENDINGS.setdefault(_one.marker[-3:], []).append(_one)
    else:
        _OTHERS.append(_one)
_ENDS = frozenset(_ENDINGS)
_ENDING = re.compile(
    "[-_.](?<=([{}][{}][-_.]))".format(*(re.escape("".join(sorted({end[at] for end in _ENDS}))) for at in (0, 1)))
)
WHOLE = 100
"""A key of letters and digits alone, written as base64 would be, has at most so many."""
LONG_WORDS = ("ABSK", "ATATT3x", "ATCTT3x")
"""Beginnings of keys that are longer than that, and may be of letters and digits alone."""
_WORDS = tuple(one.marker for one in SHAPES if one.marker.isalnum() and len(one.marker) >= 4)
"""Beginnings by which a key is told from base64 of any length: in noise they are next to never."""
_WORDS = tuple(one.marker for one in SHAPES if one.marker.isalnum())
_PLAINLY = tuple(one.marker for one in _OTHERS if one.marker != ".")


def marked_word(word: str) -> bool:
    """The same as ``marked`` for a run of letters and digits."""
    for marker in _WORDS:  # noqa: SIM110 - for every frame
        if marker in word:
            return True
    return False


def _near(text: str) -> set[str]:
    """What stands around the characters with which most markers end: much less than to look for each of them."""
    found = set(_ENDING.findall(text, 0, STEP))
    for begin in yielding(range(STEP, len(text), STEP), every=1):
        found.update(_ENDING.findall(text, begin, begin + STEP))
    return found


def marked(text: str) -> bool:
    """Whether any shape can be in a text. For every frame, so a plain loop."""
    for marker in _PLAINLY:
        if marker in text:
            return True
    near = _near(text)
    if not _ENDS.isdisjoint(near) and any(
        shape.marker in text for ending in _ENDS.intersection(near) for shape in _ENDINGS[ending]
    ):
        return True
    return "." in text and _DOTTED.search(text) is not None


def found(text: str) -> Iterator[tuple[int, int, str, KeyShape]]:
    """Where a shape stands in a decoded text: begin, end, kind, which; and what nearly was, with an empty kind."""
    here = [shape for ending in sorted(_ENDS.intersection(_near(text))) for shape in _ENDINGS[ending]]
    for shape in (*here, *_OTHERS):
        at = text.find(shape.marker)
        if at < 0:
            continue  # nearly all
        match_at = shape.pattern.match
        while at >= 0:
            yield_to_others()
            match = match_at(text, max(at - shape.back, 0)) if shape.back >= 0 else _before(text, at, shape)
            if match is None:
                at = text.find(shape.marker, at + 1)
                continue
            begin, end = match.span(match.lastindex or 0)
            if shape.marker.startswith(("-----", "PuTTY")):
                end = _block(text, begin, end)
            body = match[0].removeprefix(shape.marker)
            yield begin, end, shape.kind if shape.check is None or shape.check(body) else "", shape
            at = text.find(shape.marker, max(end, at + 1))


def _before(text: str, at: int, shape: KeyShape) -> re.Match[str] | None:
    """A match that ends or goes on behind the marker and begins at most 32 characters before it."""
    return next((match for match in shape.pattern.finditer(text, max(at - 33, 0), at + 80) if match.end() > at), None)


def _block(text: str, begin: int, end: int) -> int:
    """Where a block of a key ends: at its END line, else where something stands that no block has."""
    last = text.find("-----END ", begin, end)
    if last < 0:
        return end
    last = text.find("-----", last + 9, end)
    return end if last < 0 else last + 5


_HEADS = {shape.marker: shape for shape in SHAPES if shape.least < 99}
_TAIL = re.compile(r"[A-Za-z0-9_.\-/+=:]{1,300}\Z")


_DOTTED_TAIL = re.compile(
    r"(?<![A-Za-z0-9._/-])(?:[A-Za-z0-9]{8}|[0-9a-f]{32}|pat[A-Za-z0-9]{14}|[MNO][A-Za-z0-9_-]{23,27})\.[A-Za-z0-9._-]{1,72}\Z"
)
"""What may be the beginning of a key with a dot in it."""


def dotted(text: str) -> bool:
    """Whether a text ends with what may be the beginning of one."""
    match = _DOTTED_TAIL.search(text) if "." in text else None
    return match is not None and random(match[0])


def beginning(text: str) -> int:
    """Where what may be the beginning of a key stands at the end of a text: a prefix that is known to all is none by
    itself. The length of the text where there is none.
    """
    tail = _TAIL.search(text, max(len(text) - 300, 0))
    if tail is None:
        return len(text)
    dotted = _DOTTED_TAIL.search(tail[0])
    if dotted is not None and random(dotted[0]):
        return tail.start() + dotted.start()
    word = tail[0]
    first = len(word)
    for marker, shape in _HEADS.items():
        if marker in word:
            at = word.find(marker)
            while 0 <= at < first:
                body = word[at + len(marker) :]
                edge = at == 0 or not word[at - 1].isalnum()
                if (body and edge and len(body) < 64 and shape.pattern.match(word, at) is None) or (
                    body and edge and shape.check is not None and not shape.check(body)
                ):
                    first = at
                at = word.find(marker, at + 1)
    return tail.start() + first
