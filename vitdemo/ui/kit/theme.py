"""The look: warm greys, one quiet accent, fonts that gradio ships (no request leaves the machine)."""

from __future__ import annotations

import gradio as gr
from gradio.themes import Base
from gradio.themes.utils import colors, fonts, sizes

VALUES = {  # all text reaches WCAG AA contrast
    "body_background_fill": "#faf9f7",
    "body_background_fill_dark": "#171614",
    "body_text_color": "*neutral_800",
    "body_text_color_dark": "*neutral_200",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_400",
    "background_fill_primary": "#ffffff",
    "background_fill_primary_dark": "#201e1c",
    "background_fill_secondary": "#f5f4f1",
    "background_fill_secondary_dark": "#292622",
    "border_color_primary": "#e5e2dc",
    "border_color_primary_dark": "#3a3632",
    "color_accent": "*primary_700",
    "color_accent_soft": "*primary_50",
    "color_accent_soft_dark": "#15302d",
    "block_background_fill": "#ffffff",
    "block_background_fill_dark": "#201e1c",
    "block_border_color": "#e5e2dc",
    "block_border_color_dark": "#3a3632",
    "block_border_width": "1px",
    "block_shadow": "none",
    "block_info_text_color": "*neutral_600",
    "block_info_text_color_dark": "*neutral_400",
    "block_info_text_size": "*text_sm",
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_border_width": "0px",
    "block_label_text_color": "*neutral_600",
    "block_label_text_color_dark": "*neutral_400",
    "block_label_text_weight": "500",
    "block_title_text_color": "*neutral_700",
    "block_title_text_color_dark": "*neutral_200",
    "block_title_text_weight": "700",
    "block_title_text_size": "*text_sm",
    "input_background_fill": "#ffffff",
    "input_background_fill_dark": "#292622",
    "input_border_color": "#d9d5ce",
    "input_border_color_dark": "#47423c",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 2px *primary_200",
    "input_shadow_focus_dark": "0 0 0 2px *primary_800",
    "slider_color": "*primary_700",
    "slider_color_dark": "*primary_500",
    "button_primary_background_fill": "*primary_700",
    "button_primary_background_fill_hover": "*primary_800",
    "button_primary_background_fill_dark": "*primary_700",
    "button_primary_text_color": "#ffffff",
    "button_secondary_background_fill": "#ffffff",
    "button_secondary_background_fill_hover": "#f5f4f1",
    "button_secondary_background_fill_dark": "#292622",
    "button_secondary_background_fill_hover_dark": "#35312c",
    "button_secondary_border_color": "#d9d5ce",
    "button_secondary_border_color_dark": "#47423c",
    "button_border_width": "1px",
    "loader_color": "*primary_600",
    "stat_background_fill": "*primary_600",
    "stat_background_fill_dark": "*primary_500",
    "checkbox_label_background_fill_selected": "*primary_50",
    "checkbox_label_background_fill_selected_dark": "#15302d",
    "checkbox_label_text_color_selected": "*primary_900",
    "checkbox_label_text_color_selected_dark": "*primary_100",
    "checkbox_label_border_color_selected": "*primary_600",
    "checkbox_label_border_color_selected_dark": "*primary_700",
    "checkbox_background_color_selected": "*primary_700",
    "checkbox_border_color_selected": "*primary_700",
}


def make_theme() -> Base:
    """Return the theme of the page, light and dark."""
    theme = gr.themes.Base(
        primary_hue=colors.teal,
        secondary_hue=colors.teal,
        neutral_hue=colors.stone,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_lg,
        text_size=sizes.text_md,
        font=[
            fonts.LocalFont("IBM Plex Sans", weights=(400, 700)),
            fonts.Font("system-ui"),
            fonts.Font("sans-serif"),
        ],
        font_mono=[
            fonts.LocalFont("IBM Plex Mono", weights=(400, 700)),
            fonts.Font("ui-monospace"),
            fonts.Font("monospace"),
        ],
    )
    return theme.set(**VALUES)
