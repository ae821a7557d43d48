"""The one style sheet: Qt style rules with the tokens filled in; widgets are chosen by type and by their `kind`."""

from string import Template
from typing import Any

from resources import path

_RULES = Template("""
* { outline: 0; }
QWidget { color: $text; }
QMainWindow, QDialog, QWidget[kind="page"] { background: $surface; }
/* Qt paints the balloon of a tray without notifications in pale yellow itself, whatever the theme is. */
QBalloonTip QLabel { color: #1a1a1a; }
QToolTip { background: $surface_raised; color: $text; border: 1px solid $line; padding: 4px 6px; }

QFrame[kind="card"] { background: $surface_raised; border: 1px solid $line; border-radius: ${card}px; }
QFrame[kind="panel"] { background: $surface_raised; border: 0; }
QFrame[kind="strip"] { background: $surface_raised; border: 0; border-bottom: 1px solid $line; }
QFrame[kind="status"] { background: $surface_raised; border: 0; border-top: 1px solid $line; }
QFrame[kind="notice"] { background: $accent_soft; border: 1px solid $accent; border-radius: ${control}px; }
QFrame[kind="private"] { background: $private_soft; border: 0; border-bottom: 2px solid $private; }
QFrame[kind="banner"] { background: $surface_raised; border: 0; border-bottom: 1px solid $line; }
QFrame[kind="banner"][tone="ask"] { background: $accent_soft; }
QFrame[kind="banner"][tone="warn"] { border-bottom: 1px solid $warning; }
QFrame[kind="item"] { background: $surface; border: 1px solid $line; border-radius: ${control}px; }
QFrame[kind="item"][offered="true"] { background: $accent_soft; border: 1px solid $accent; }
QFrame[kind="item"][ring="true"]:focus { border: 2px solid $accent; }
QFrame[kind="error"] { background: $surface_raised; border: 1px solid $danger; border-radius: ${control}px; }
QFrame[kind="toast"] { background: $surface_raised; border: 1px solid $line; border-radius: ${card}px; }
QFrame[kind="toast"][tone="error"] { border: 1px solid $danger; }
QFrame[kind="live"] { background: $live; border: 0; }
QFrame[kind="bar"] { background: $surface_raised; border: 1px solid $line; }
QFrame[kind="divider"] { background: $line; border: 0; }
QFrame[kind="line"] { background: $line; border: 0; max-height: 1px; min-height: 1px; }

QLabel, QLabel[kind] { background: transparent; border: 0; }  /* a label is a frame, too */
QLabel[kind="title"] { font-size: ${title}px; font-weight: 600; }
QLabel[kind="muted"] { color: $text_muted; }
QLabel[kind="secondary"] { color: $text_muted; font-size: ${secondary}px; }
QLabel[kind="caption"] { color: $text_muted; font-size: ${secondary}px; font-weight: 600; }
QLabel[kind="number"] { font-size: ${number}px; font-weight: 600; }
QLabel[kind="error"] { color: $danger; }
QLabel[kind="warning"] { color: $warning; }
QLabel[kind="private"] { color: $private; font-weight: 600; }
QLabel[kind="strong"] { font-weight: 600; }
QLabel[kind="positive"] { color: $positive; }
QLabel[kind="live"] { color: $live; font-weight: 600; }
QFrame[kind="live"] QLabel, QLabel[kind="on_live"] { color: $on_live; }
QLabel[kind="on_live"] { font-weight: 600; }
QLabel:disabled { color: $text_muted; }

QPushButton {
  background: $surface_raised; border: 1px solid $line; border-radius: ${control}px;
  padding: 0 12px; min-height: ${inner}px;
}
QPushButton:hover { background: $hover; }
QPushButton:pressed, QPushButton:checked { background: $selection; }
QPushButton[ring="true"]:focus { border: 1px solid $accent; }
QPushButton:disabled { color: $text_muted; background: $surface; }
QPushButton[kind="primary"] { background: $accent; border-color: $accent; color: $on_accent; font-weight: 600; }
QPushButton[kind="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[kind="primary"][ring="true"]:focus { border: 2px solid $text; }
QPushButton[kind="primary"]:disabled { background: $hover; border-color: $line; color: $text_muted; }
QPushButton[kind="danger"] { color: $danger; }
QPushButton[kind="danger"]:hover { border-color: $danger; }
QPushButton[kind="danger"]:disabled { color: $text_muted; }
QPushButton[kind="quiet"], QPushButton[kind="link"] { background: transparent; border-color: transparent; }
QPushButton[kind="quiet"]:hover { background: $hover; }
QPushButton[kind="link"] { color: $accent; padding: 0 4px; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QFrame[kind="status"] QPushButton { min-height: 22px; }
QPushButton[kind="choice"] { text-align: left; padding: 0 12px; }
QToolButton[kind="icon"] { padding: 4px; }
QPushButton[kind="quiet"][ring="true"]:focus, QPushButton[kind="link"][ring="true"]:focus { border: 1px solid $accent; }

QToolButton {
  background: transparent; border: 1px solid transparent; border-radius: ${control}px; padding: 4px 8px;
}
QToolButton:hover { background: $hover; }
QToolButton:pressed, QToolButton:checked { background: $selection; }
QToolButton[ring="true"]:focus { border: 1px solid $accent; }
QToolButton:disabled { color: $text_muted; }
QToolButton[kind="primary"] { background: $accent; color: $on_accent; font-weight: 600; }
QToolButton[kind="primary"]:hover { background: $accent_hover; }
QToolButton[kind="primary"]:disabled { background: $hover; color: $text_muted; }
QToolButton[kind="row"] { text-align: left; }
QToolButton[kind="row"][popupMode="1"] { padding-right: 28px; }
QToolButton::menu-button { border: 0; width: 24px; border-radius: ${control}px; }
QToolButton::menu-button:hover { background: $selection; }
QToolButton::menu-arrow { image: url("$arrow"); width: 14px; height: 14px; }
QToolButton[tone="ask"] { background: $accent_soft; color: $accent; font-weight: 600; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox {
  background: $surface_raised; border: 1px solid $line; border-radius: ${control}px; padding: 0 8px;
  selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit, QSpinBox { min-height: ${inner}px; }
QPlainTextEdit, QTextEdit { padding: 4px 6px; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus { border: 1px solid $accent; }
QPlainTextEdit[private="true"], QPlainTextEdit[private="true"]:focus { border: 2px solid $private; }
QPlainTextEdit[wrong="true"], QPlainTextEdit[wrong="true"]:focus { border: 1px solid $danger; }
QPushButton[kind="segment"] { background: transparent; border: 0; border-radius: 0; padding: 0 8px;
  color: $text_muted; border-bottom: 2px solid transparent; }
QPushButton[kind="segment"][dense="true"] { padding: 0 4px; }
QPushButton[kind="segment"]:hover { background: $hover; color: $text; }
QPushButton[kind="segment"]:checked { color: $text; border-bottom: 2px solid $accent; font-weight: 600; }
QPushButton[kind="segment"][private="true"]:checked { color: $private; border-bottom: 2px solid $private; }
QPushButton[kind="segment"][ring="true"]:focus { background: $selection; }
QLineEdit[wrong="true"] { border: 1px solid $danger; }
QLineEdit:disabled, QPlainTextEdit:disabled { color: $text_muted; background: $surface; }
QLineEdit[readOnly="true"] { background: $surface; }
QComboBox {
  background: $surface_raised; border: 1px solid $line; border-radius: ${control}px;
  min-height: ${inner}px; padding: 0 8px; combobox-popup: 0;
}
QComboBox:hover { background: $hover; }
QComboBox:focus { border: 1px solid $accent; }
QComboBox:disabled { color: $text_muted; background: $surface; }
QComboBox::drop-down { border: 0; width: 24px; }
QComboBox::down-arrow { image: url("$arrow"); width: 14px; height: 14px; }
QComboBox QAbstractItemView {
  background: $surface_raised; border: 1px solid $line; padding: 4px;
  selection-background-color: $selection; selection-color: $text;
}
QCheckBox, QRadioButton { spacing: 8px; min-height: 24px; background: transparent; }
QCheckBox[ring="true"]:focus, QRadioButton[ring="true"]:focus { color: $accent; }
QCheckBox::indicator, QRadioButton::indicator {
  width: 16px; height: 16px; border: 1px solid $text_muted; border-radius: 4px; background: $surface_raised;
}
QRadioButton::indicator { border-radius: 9px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url("$tick"); }
QRadioButton::indicator:checked { background: $surface_raised; border: 5px solid $accent; width: 8px; height: 8px; }
QRadioButton::indicator:disabled { background: $surface; border-color: $line; }
QCheckBox::indicator:disabled { background: $surface; border-color: $line; }

QListView, QTreeView, QScrollArea, QTextBrowser { background: transparent; border: 0; }
QScrollArea > QWidget > QWidget { background: transparent; }
QListView::item { min-height: ${listed}px; border-radius: ${control}px; padding: 3px 8px; color: $text; }
QListView::item:hover { background: $hover; }
QListView::item:selected { background: $selection; color: $text; }

QListView[kind="popup"] {
  background: $surface_raised; border: 1px solid $line; border-radius: ${control}px; padding: 4px;
}

QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab {
  background: transparent; color: $text_muted; border: 0; border-bottom: 2px solid transparent;
  padding: 0 12px; min-height: ${row}px;
}
QTabBar::tab:hover { background: $hover; color: $text; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; font-weight: 600; }
QTabBar::tab:focus { color: $accent; }
QTabWidget::pane { border: 0; }

QMenu { background: $surface_raised; border: 1px solid $line; border-radius: ${control}px; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 8px; border-radius: 4px; }
QMenu::item:selected { background: $selection; color: $text; }
QMenu::item:disabled { color: $text_muted; }
QMenu::icon { padding-left: 6px; }
QMenu::icon:checked {
  background: $selection; border: 1px solid $accent; border-radius: 4px; padding: 1px; margin-left: 3px;
}
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QMenuBar { background: $surface; }

QSplitter::handle { background: $line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QProgressBar { background: $hover; border: 0; border-radius: 2px; max-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 2px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: $text_muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QStatusBar { background: $surface_raised; border-top: 1px solid $line; }
QStatusBar::item { border: 0; }
""")


def _mixed(first: str, second: str, part: float) -> str:
    """The colour `part` of the way from `first` to `second`."""
    pairs = ((int(first[at : at + 2], 16), int(second[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def marks(name: str) -> dict[str, str]:
    """The pictures inside controls. A style sheet takes them from files only, so they are not tinted as icons are."""
    tick = path(f"styles/tick-{'light' if name == 'light' else 'dark'}.svg")
    return {"tick": str(tick).replace("\\", "/"), "arrow": str(path("styles/arrow.svg")).replace("\\", "/")}


def style_sheet(tokens: dict[str, Any], name: str) -> str:
    """The style sheet of the theme `name` (`light`, `dark` or `contrast`)."""
    colors: dict[str, str] = tokens["colors"][name]
    values: dict[str, object] = {role.replace("-", "_"): value for role, value in colors.items()}
    values |= {size.replace("-", "_"): pixels for size, pixels in tokens["type"].items()}
    values |= dict(tokens["radius"])
    values |= marks(name)
    values["row"] = tokens["row"]
    values["listed"] = tokens["row"] - 6  # what is in a row of a list, between 3 px above and below
    values["inner"] = tokens["row"] - 2  # a control of one row has a border of 1 px on each side
    values["accent_hover"] = _mixed(colors["accent"], colors["text"], 0.12)
    return _RULES.substitute(values)
