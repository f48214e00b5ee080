"""Real clients as programs of their own, so that each may be recorded and replayed by the command line, and may live in
an environment of its own.

Every script here is told the same and prints the same:

    SCRIPT PROVIDER FOLDER [STEP ...]

PROVIDER says which server it is pointed at; MOCKSERVER_BASE_URL, MOCKSERVER_WS_URL and the variables for certificates
say where it is, as ``mockserver record|replay|simulate -- COMMAND`` sets them. FOLDER holds what the user says,
``WORDS.RATE.pcm``: PCM16 mono. STEPs, in order: ``turn`` (good morning), ``tool`` (how is the weather), ``barge_in``
(count for me; a second into the reply: stop please), ``pause`` (five seconds), ``wait`` (until the client tells
something). Without one: the first three.

The last line that it prints is JSON: ``turn``, ``tool``, ``cut`` and ``after`` hold what was heard of each reply, as
``{said, audio, rate, interrupted}`` (audio: base64 of PCM16); ``calls`` the tools that were called, ``[{name, args}]``;
``told`` what the client told its application of errors and of the end; ``timeout`` the step in which nothing came.
"""
