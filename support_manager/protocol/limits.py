"""Every bound of the wire in one place; both ends and the customer's page read them.

Units are in the names: `_CHARS` are Unicode code points after NFC, `_BYTES` are bytes of UTF-8.
"""

NAME_CHARS = 60
TEXT_CHARS = 4_000
TRACKING_CODE_CHARS = 60
TRANSFER_MESSAGE_CHARS = 345
HANDOVERS_IN_HISTORY = 20
"""Of one session, the newest; each was read in its time, so an older one is no loss."""
ACCOUNT_NAME_CHARS = 64
PASSWORD_CHARS = 256
PASSWORD_MIN_CHARS = 10

QUEUE_NAME_CHARS = 60
EMAIL_CHARS = 254
"""RFC 5321, section 4.5.3.1.3: 256 octets of a path less its angle brackets."""
PROBLEM_CHARS = 1_000
OUTCOME_CHARS = 60
NOTES_CHARS = 4_000
SEARCH_CHARS = 100
AGENTS_PER_TRANSFER = 50
HISTORY_ENTRIES = 100
INBOX_ITEMS = 200

SESSION_NUMBER_DIGITS = 9
ID_CHARS = 64
TOKEN_CHARS = 128
LOCALE_CHARS = 16
VERSION_CHARS = 32

SDP_CHARS = 60_000
CANDIDATE_CHARS = 1_024
CANDIDATES_PER_EPOCH = 64
ICE_SERVERS = 8
ICE_URLS = 8
URL_CHARS = 512

MESSAGE_BYTES = 128 * 1024
"""The largest Socket.IO packet either side accepts; a full SDP with JSON escapes stays well below."""
ATTACHMENTS = 0
"""No event carries binary parts, so a packet that announces any is refused."""

TRANSCRIPT_LINES = 2_000
TRANSCRIPT_CHARS = 500_000
"""Over all lines of a session: some 150 pages. So a whole transcript fits in one reply, under 3 MB at worst."""
CUSTOMER_LINES, CUSTOMER_CHARS = 1_000, 250_000
"""What one customer may write of them."""
CUSTOMERS_LINES, CUSTOMERS_CHARS = 1_600, 400_000
"""What all customers of a session may, also those who left: what is left over is the reps'."""
WORDS_CHARS = 4_000
"""What a person read when he agreed."""
BROWSER_CHARS = 120
PARTICIPANTS_PER_SESSION = 32
CHANNEL_MESSAGE_BYTES = 16 * 1024

WRONG_NUMBERS_PER_MINUTE_PER_ADDRESS = 10
WRONG_NUMBERS_PER_MINUTE_PER_SITE = 100
WRONG_PASSWORDS_PER_MINUTE_PER_ADDRESS = 10
EVENTS_PER_SECOND = 20
"""Sustained rate of events one connection may send; bursts up to `EVENTS_BURST`."""
EVENTS_BURST = 100

MAILS_PER_MINUTE_PER_REP = 20
OFFER_S = 30
"""How long agents have for an offer by default (B-10.4); a queue may say otherwise."""
IDLE_AWAY_S = 600
"""After this long without a key or the mouse an agent is Away by himself (B-11.3)."""
WAIT_SAMPLES = 20
"""Over how many of a queue's last sessions the mean handling time is taken (B-11.2)."""

RETURN_AFTER_CLOSED_PAGE_S = 600
CONTROLLER_LOST_S = 60
SESSION_WITHOUT_CONTROLLER_S = 600
FILE_CHUNK_BYTES = 256 * 1024
"""Plain bytes of one sealed chunk of a file; the last one may be shorter (see `support_manager/files/seal.py`)."""
FILE_TAG_BYTES = 16
FILE_HASH_BYTES = 32
"""SHA-256 of the whole file, sealed behind its content."""
FILE_PART_BYTES = 32 * (FILE_CHUNK_BYTES + FILE_TAG_BYTES)
"""The most that one PATCH or GET of a transfer carries: 32 sealed chunks, some 8 MiB."""
FILE_BYTES = 2**40
FILE_NAME_CHARS = 255
FILE_SEALED_CHARS = 2_048
"""A file's name and type, sealed, in URL-safe base 64."""
FILE_KEY_CHARS = 87
"""An uncompressed point of P-256 (65 bytes) in URL-safe base 64."""
FILE_WAIT_S = 20
"""How long the relay lets a GET wait for more, or a PATCH for room."""

HEARTBEAT_S = 1.0
DRAW_POINTS = 64
"""Points in one message about a stroke; a hand makes about 30 messages a second."""
DRAW_STROKES = 100
"""Strokes of one person that are kept; the oldest gives way."""
DRAW_KEPT_POINTS = 4_000
"""Points of all of them together; a stroke that alone has as many grows no more."""
DRAW_KEPT_LENGTH = 200 * 65_536
"""Length of all of them together, across and down: 200 times the picture's width. Painting is bounded by it."""
DRAW_COLOURS = 4
DRAW_MESSAGES_PER_SECOND = 45
"""What one person may draw; a pointer moves at most `DRAW_POINTER_HZ` times a second."""
DRAW_POINTER_HZ = 30
DEAD_PEER_S = 3.0
