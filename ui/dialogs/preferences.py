"""What the rep may set: language, look, notifications, mail program, way of the media; each holds at once."""

from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from resources.catalog import LANGUAGES
from support_manager.settings import Settings
from ui.dialogs.base import Dialog
from ui.theme import CHOICES
from ui.widgets.kit import SPACE_3, SPACE_4, Kit, label


class PreferencesDialog(Dialog):
    """Every change is kept at once; there is nothing to confirm and nothing to lose.

    Args:
        kit: what every widget is handed.
        parent: the window.
    """

    def __init__(self, kit: Kit, parent: QWidget | None = None) -> None:
        super().__init__(kit, "preferences_dialog", parent)
        settings = kit.intents.settings
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE_4)
        form.setVerticalSpacing(SPACE_3)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._language, self._language_label = self._choice(form, "language", ("", *LANGUAGES), settings.language)
        self._theme, self._theme_label = self._choice(form, "theme", CHOICES, settings.theme)
        self.body.addLayout(form)
        self._notifications = self._box("notifications", settings.notifications)
        self._own_mail = self._box("own_mail_program", settings.own_mail_program)
        self._relay_only = self._box("relay_only", settings.relay_only)
        self._done = self.add_button("close", "secondary", default=True)
        self._done.clicked.connect(self.accept)

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
        self._notifications.setText(self.t("preferences.notifications"))
        self._own_mail.setText(self.t("preferences.own_mail"))
        self._relay_only.setText(self.t("preferences.relay_only"))
        self._relay_only.setToolTip(self.t("preferences.relay_only.hint"))
        self._done.setText(self.t("preferences.close"))
