"""How the page looks: style sheets of its parts, which adapt to its width."""

from html import escape
from typing import Any

from bokeh.models import InlineStyleSheet

FONT = "font-family: system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;"
PAGE = f""":host {{ display: block; {FONT} color: #222; max-width: 1500px; margin: 0 auto; }}"""
SIDES = """
:host { display: grid; grid-template-columns: 290px minmax(0, 1fr); gap: 14px; width: 100%; }
@media (max-width: 760px) { :host { grid-template-columns: minmax(0, 1fr); } }
"""
CONTROLS = """
:host { background: #f6f7f8; border: 1px solid #e0e3e6; border-radius: 8px; padding: 8px 10px;
  align-self: start; box-sizing: border-box; position: sticky; top: 6px; z-index: 5; }
@media (max-width: 760px) { :host { top: 0; max-height: 36vh; overflow-y: auto; } }
"""
PANELS = """
:host { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr));
  gap: 12px; width: 100%; align-content: start; }
"""
PANEL = """
:host { border: 1px solid #e0e3e6; border-radius: 8px; padding: 8px 10px; box-sizing: border-box;
  min-width: 0; background: #fff; }
"""
PAIR = """
:host { display: grid; grid-template-columns: minmax(0, 1fr) 84px; gap: 8px; align-items: end; }
"""
BAR = """
:host { display: flex; flex-direction: row; flex-wrap: wrap; gap: 8px; align-items: end;
  width: 100%; }
"""
TEXT = f"""
:host {{ {FONT} font-size: 13px; line-height: 1.4; color: #222; min-width: 0; width: 100%;
  max-width: 100%; }}
.bk-clearfix {{ display: block; }}
h1 {{ font-size: 18px; margin: 4px 0 6px; font-weight: 650; }}
h2 {{ font-size: 14px; margin: 0; font-weight: 650; display: inline; }}
p {{ margin: 3px 0; overflow-wrap: anywhere; }}
.busy {{ color: #595959; font-size: 12px; margin-left: 8px; }}
.busy::before {{ content: ''; display: inline-block; width: 8px; height: 8px; border-radius: 50%;
  background: #E69F00; margin-right: 5px; }}
.note {{ color: #4d4100; background: #fff7dc; border-left: 3px solid #E69F00; padding: 2px 7px;
  font-size: 12px; }}
.error {{ color: #7a2e00; background: #fdebe2; border-left: 3px solid #D55E00; padding: 4px 8px; }}
.key {{ font-size: 12px; white-space: nowrap; margin-right: 8px; display: inline-block; }}
.key svg {{ vertical-align: -1px; margin-right: 4px; }}
.old {{ opacity: 0.4; }}
.soft {{ color: #595959; }}
table {{ font-size: 12px; }}
label.drop {{ display: block; box-sizing: border-box; max-width: 100%;
  border: 2px dashed #9aa4ad; border-radius: 8px; padding: 14px;
  text-align: center; cursor: pointer; background: #fff; }}
label.drop:focus-within, label.drop:hover {{ border-color: #0072B2; }}
input[type=file] {{ width: 100%; margin-top: 6px; }}
code {{ background: #f1f1f1; padding: 1px 3px; }}
"""
INPUT = """
textarea.bk-input { font-family: ui-monospace, monospace; font-size: 12px; padding: 5px 7px; }
"""
SLIDING = """
.bk-slider-title { font-size: 12px; }
.noUi-handle:focus-visible { outline: 2px solid #0072B2; outline-offset: 2px; }
"""


def sheet(css: str) -> InlineStyleSheet:
    """Return a style sheet."""
    return InlineStyleSheet(css=css)


FIELD: dict[str, Any] = {"sizing_mode": "stretch_width", "min_width": 60, "margin": (2, 0, 2, 0)}
NARROW_FIELD: dict[str, Any] = {"width": 84, "margin": (0, 0, 2, 0)}
SLIDER: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (2, 8, 2, 8)}


def paragraphs(*texts: str, kind: str = "") -> str:
    """Return texts as paragraphs of HTML."""
    shown = f' class="{kind}"' if kind else ""
    return "".join(f"<p{shown}>{escape(text)}</p>" for text in texts)


TEMPLATE = """
{% block preamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<style>
body { background: #fff; padding: 8px 14px 24px !important; box-sizing: border-box; }
@media (max-width: 480px) { body { padding: 4px 8px 20px !important; } }
</style>
{% endblock %}
{% block contents %}<main id="vaedyn">{{ super() }}</main>{% endblock %}
"""
"""The page around the document; scripts come from the server that sends it."""
