"""What the rep may set: language, look, notifications, mail program, way of the media; each holds at once."""

import shiboken6
from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from resources.catalog import LANGUAGES
from support_manager.media.camera import CameraDevice
from support_manager.settings import Settings
from ui.dialogs.base import Dialog
from ui.theme import CHOICES
from ui.widgets.kit import SPACE_3, SPACE_4, Kit, label
from ui.widgets.plain import one_line

_LEAST_WIDTH = 440


class PreferencesDialog(Dialog):
    """Every change is kept at once; there is nothing to confirm and nothing to lose.

    Args:
        kit: what every widget is handed.
        parent: the window.

    Signals:
        push_to_talk_chosen: whether the rep wants to be heard in calls only while he holds the key; it holds for this
            run of the app even where it cannot be kept.
    """

    push_to_talk_chosen = Signal(bool)

    def __init__(self, kit: Kit, parent: QWidget | None = None) -> None:
        super().__init__(kit, "preferences_dialog", parent)
        settings = kit.intents.settings
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE_4)
        form.setVerticalSpacing(SPACE_3)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._language, self._language_label = self._choice(form, "language", ("", *LANGUAGES), settings.language)
        self._theme, self._theme_label = self._choice(form, "theme", CHOICES, settings.theme)
        self._camera, self._camera_label = self._choice(form, "camera", ("",), "")
        self._cameras: tuple[CameraDevice, ...] = ()
        self.body.addLayout(form)
        self._notifications = self._box("notifications", settings.notifications)
        self._own_mail = self._box("own_mail_program", settings.own_mail_program)
        self._push_to_talk = self._box("push_to_talk", settings.push_to_talk)
        self._push_to_talk.clicked.connect(self.push_to_talk_chosen)
        self._relay_only = self._box("relay_only", settings.relay_only)
        self._done = self.add_button("close", "secondary", default=True)
        self._done.clicked.connect(self.accept)
        kit.work.run(kit.intents.cameras(), name="preferences cameras", on_done=self._take_cameras)

    def _choice(self, form: QFormLayout, name: str, values: tuple[str, ...], chosen: str) -> tuple[QComboBox, QLabel]:
        made = QComboBox()
        made.setObjectName(f"preferences_dialog_{name}")
        for value in values:
            made.addItem("", value)
        made.setCurrentIndex(max(0, made.findData(chosen)))
        words = label(f"preferences_dialog_{name}_label")
        words.setBuddy(made)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        form.addRow(words, made)
        made.activated.connect(lambda: self._keep(name, made.currentData()))
        return made, words

    def _take_cameras(self, cameras: tuple[CameraDevice, ...]) -> None:
        """Offer the cameras there are, and the chosen one even while it is not connected."""
        if not shiboken6.isValid(self._camera):
            return
        self._cameras = cameras
        chosen = self._kit.intents.settings.camera
        known = [each.id for each in cameras]
        self._camera.clear()
        for value in ("", *known, *([chosen] if chosen and chosen not in known else [])):
            self._camera.addItem("", value)
        self._camera.setCurrentIndex(max(0, self._camera.findData(chosen)))
        self._camera.setEnabled(bool(cameras) or bool(chosen))
        self._name_cameras()

    def _name_cameras(self) -> None:
        names = {each.id: one_line(each.name, 60) for each in self._cameras}
        self._camera_label.setText(self.t("preferences.camera"))
        self._camera.setAccessibleName(self._camera_label.text())
        for at in range(self._camera.count()):
            value = self._camera.itemData(at)
            if value:
                words = names.get(value) or self.t("preferences.camera.away")
            else:
                words = self.t("preferences.camera.system" if self._cameras else "preferences.camera.none")
            self._camera.setItemText(at, words)

    def _box(self, name: str, checked: bool) -> QCheckBox:
        made = QCheckBox()
        made.setObjectName(f"preferences_dialog_{name}")
        made.setChecked(checked)
        made.clicked.connect(lambda: self._keep(name, made.isChecked()))
        self.body.addWidget(made)
        return made

    def _keep(self, name: str, value: object) -> None:
        kit = self._kit

        def take(settings: Settings) -> None:
            kit.translator.set_language(settings.language)
            kit.theme.choose(settings.theme)

        kit.work.run(kit.intents.change_settings(**{name: value}), name=f"preferences {name}", on_done=take)

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("preferences.title"))
        self.heading.setText(self.t("preferences.title"))
        for box, words, name in (
            (self._language, self._language_label, "language"),
            (self._theme, self._theme_label, "theme"),
        ):
            words.setText(self.t(f"preferences.{name}"))
            box.setAccessibleName(words.text())
            for at in range(box.count()):
                box.setItemText(at, self.t(f"preferences.{name}.{box.itemData(at) or 'system'}"))
        self._name_cameras()
        self._notifications.setText(self.t("preferences.notifications"))
        self._own_mail.setText(self.t("preferences.own_mail"))
        self._push_to_talk.setText(self.t("preferences.push_to_talk"))
        self._relay_only.setText(self.t("preferences.relay_only"))
        self._relay_only.setToolTip(self.t("preferences.relay_only.hint"))
        self._done.setText(self.t("preferences.close"))

    def _fit(self) -> None:
        """Give the words of another language the room that they need: boxes do not wrap."""
        layout = self.layout()
        if layout is not None:
            self.setMinimumWidth(max(_LEAST_WIDTH, layout.totalMinimumSize().width()))

    @override
    def event(self, event: QEvent) -> bool:
        """The layout asks anew once all words have changed."""
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self._fit()
        return done
