"""Brings the controller's typed events to the widgets as Qt signals, one signal per kind of event."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from support_manager import events
from support_manager.events import AppEvent


class Bridge(QObject):
    """Sends each event out by the signal of its type; the argument is the event itself.

    Args:
        subscribe: the controller's `subscribe`.
        parent: the owner.
    """

    link_changed = Signal(object)
    signed_in = Signal(object)
    signed_out = Signal(object)
    session_opened = Signal(object)
    session_changed = Signal(object)
    session_closed = Signal(object)
    session_left = Signal(object)
    inbox_changed = Signal(object)
    offer_arrived = Signal(object)
    offer_gone = Signal(object)
    mail_changed = Signal(object)
    attention = Signal(object)
    picture_stats = Signal(object)
    voice_heard = Signal(object)
    voice_device = Signal(object)
    drawing_changed = Signal(object)
    recording_figures = Signal(object)
    recording_ended = Signal(object)
    recordings_tended = Signal(object)
    files_changed = Signal(object)
    link_prefilled = Signal(object)
    failed = Signal(object)

    def __init__(
        self, subscribe: Callable[[Callable[[AppEvent], None]], Callable[[], None]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._emitters: dict[type, Callable[[object], None]] = {
            events.LinkChanged: self.link_changed.emit,
            events.SignedIn: self.signed_in.emit,
            events.SignedOut: self.signed_out.emit,
            events.SessionOpened: self.session_opened.emit,
            events.SessionChanged: self.session_changed.emit,
            events.SessionClosed: self.session_closed.emit,
            events.SessionLeft: self.session_left.emit,
            events.InboxChanged: self.inbox_changed.emit,
            events.OfferArrived: self.offer_arrived.emit,
            events.OfferGone: self.offer_gone.emit,
            events.MailChanged: self.mail_changed.emit,
            events.Attention: self.attention.emit,
            events.PictureStats: self.picture_stats.emit,
            events.VoiceHeard: self.voice_heard.emit,
            events.VoiceDevice: self.voice_device.emit,
            events.DrawingChanged: self.drawing_changed.emit,
            events.RecordingFigures: self.recording_figures.emit,
            events.RecordingEnded: self.recording_ended.emit,
            events.RecordingsTended: self.recordings_tended.emit,
            events.FilesChanged: self.files_changed.emit,
            events.LinkPrefilled: self.link_prefilled.emit,
            events.Failed: self.failed.emit,
        }
        self._unsubscribe = subscribe(self._pass_on)

    def _pass_on(self, event: AppEvent) -> None:
        self._emitters[type(event)](event)

    def close(self) -> None:
        """Pass nothing on any more."""
        self._unsubscribe()
