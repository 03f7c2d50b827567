"""The report as one self-contained page: the matrix, what failed, the errors. Needs Jinja2."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_BUCKETS = ("0", *(f"1e{power}" for power in range(-6, 1)), "more")

#: How a verdict is marked in the matrix.
_MARKS = {
    "passed": "✓", "failed": "✗", "convention": "c", "inconclusive": "?", "not_applicable": "–",
    "oracle_absent": "∅", "not_checked": "!",
}  # fmt: skip

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cross-check: {{ totals }}</title>
<style>
:root { color-scheme: light dark; --line: #8885; --good: #2e7d32; --bad: #c62828; --grey: #777; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { border: 1px solid var(--line); padding: .15rem .45rem; text-align: left; vertical-align: top; }
thead th { vertical-align: bottom; }
.matrix td { white-space: nowrap; text-align: center; }
.matrix thead th + th { max-width: 9rem; overflow-wrap: break-word; }
.matrix tbody th { font-weight: 400; position: sticky; left: 0; background: Canvas; min-width: 9rem; }
.mark { display: inline-block; min-width: 1em; cursor: help; }
.passed { color: var(--good); } .failed, .not_checked { color: var(--bad); font-weight: 700; }
.inconclusive, .not_applicable, .oracle_absent, .convention { color: var(--grey); }
.number { text-align: right; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .5rem; white-space: pre-wrap;
      overflow-wrap: anywhere; margin: .3rem 0; font-size: .85rem; }
svg { width: 100%; max-width: 40rem; height: auto; } svg text { fill: currentColor; font-size: 11px; }
</style>
</head>
<body>
<h1>Cross-check</h1>
<p>{{ totals }}.{% for name, value in run.items() %} {{ name }}: {{ value }}.{% endfor %}</p>

<h2>Every check</h2>
<p>One mark for each oracle and dtype:{% for verdict, mark in marks.items() %}
<span class="{{ verdict }}">{{ mark }}</span> {{ verdict | replace("_", " ") }}{{ "" if loop.last else "," }}
{%- endfor %}.</p>
<div class="wide"><table class="matrix">
<thead><tr><th>check</th>{% for thing in things %}<th>{{ thing }}</th>{% endfor %}</tr></thead>
<tbody>
{% for check, cells in matrix %}<tr><th>{{ check }}</th>
{% for cell in cells %}<td>{% for r in cell -%}
<span class="mark {{ r.verdict }}" title="{{ r.title }}, {{ r.cases }} cases, worst error
 {{ "%.2g" | format(r.worst_error) }} of what is allowed. {{ r.message }}">{{ marks[r.verdict] }}</span>
{% endfor %}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
<details><summary>All {{ results | length }} results</summary>
<div class="wide"><table>
<thead><tr>{% for head in heads %}<th>{{ head }}</th>{% endfor %}</tr></thead>
<tbody>
{% for r in results %}<tr><td>{{ r.thing }}</td><td>{{ r.check | replace("_", " ") }}</td>
<td>{{ r.oracle }}</td><td>{{ r.dtype }}</td><td class="number">{{ r.cases }}</td>
<td class="number">{{ "%.2g" | format(r.worst_error) }}</td>
<td class="{{ r.verdict }}">{{ r.verdict | replace("_", " ") }}</td></tr>
{% endfor %}</tbody></table></div></details>

<h2>What failed</h2>
{% for r in failed %}
<section><h3>{{ r.title }}</h3>
{% if r.expected_failure %}<p>Expected: {{ r.expected_failure }}</p>{% endif %}
{% for reason in r.diagnosis %}<p>Diagnosis: <b>{{ reason.words }}</b></p>{% endfor %}
<pre>{{ (r.report or [r.message]) | join("\n") }}</pre>
{% if r.smallest_case %}<details><summary>The call in one piece</summary>
<pre>{{ r.smallest_case }}</pre></details>{% endif %}
<p>{{ r.file ~ ", again" if r.file else "Again" }} with seed {{ r.seed }}</p></section>
{% else %}<p>Nothing.</p>{% endfor %}

{% if said %}<h2>What is said besides</h2>
<ul>{% for r in said %}<li>{{ r.thing }}: {{ r.verdict | replace("_", " ") }}: {{ r.message }}</li>
{% endfor %}</ul>{% endif %}

<h2>Worst errors</h2>
<p>The worst error of each check that compares numbers, as a multiple of what is allowed:
above 1 it fails. How many checks came to how much:</p>
<svg viewBox="0 0 {{ bars | length * 60 + 20 }} 160" role="img" aria-label="Histogram of the worst errors">
{% for name, count, height in bars %}
<rect x="{{ loop.index0 * 60 + 10 }}" y="{{ 130 - height }}" width="50" height="{{ height }}"
 fill="{{ 'var(--bad)' if loop.last else 'var(--good)' }}"></rect>
<text x="{{ loop.index0 * 60 + 35 }}" y="{{ 124 - height }}" text-anchor="middle">{{ count }}</text>
<text x="{{ loop.index0 * 60 + 35 }}" y="148" text-anchor="middle">{{ name }}</text>
{% endfor %}
</svg>
</body>
</html>
"""


def _bucket(worst: float) -> str:
    if worst == 0:
        return "0"
    return "more" if worst > 1 else f"1e{max(-6, math.ceil(math.log10(worst)))}"


def page(results: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> str:
    """Return the page's text.

    Raises
    ------
    ImportError
        Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise ImportError("the page of results needs Jinja2: install jinja2, or write JSON") from error
    from .terminal import HEAD, things, totals
    from .words import title

    shown = [
        {**r, "thing": name, "title": title(r)} for r, name in zip(results, things(results), strict=True)
    ]
    checked = [r for r in shown if r["dtype"] or r["verdict"] == "failed"]
    columns = list(dict.fromkeys(r["thing"] for r in checked))
    matrix = [
        (
            check.replace("_", " "),
            [[r for r in checked if r["check"] == check and r["thing"] == one] for one in columns],
        )
        for check in dict.fromkeys(str(r["check"]) for r in checked)
    ]
    seen = Counter(
        _bucket(r["worst_error"])
        for r in results
        if r["verdict"] in ("passed", "failed") and (r["verdict"] == "passed" or r["worst_error"] > 0)
    )
    most = max(seen.values(), default=1)
    bars = [(name, seen[name], round(100 * seen[name] / most)) for name in _BUCKETS]
    failed = [r for r in shown if r["verdict"] == "failed"]
    said = [r for r in shown if r["verdict"] in ("convention", "not_checked")]
    how = {k: ", ".join(v) if isinstance(v, (list, tuple)) else v for k, v in run.items()}
    template = jinja2.Environment(autoescape=True).from_string(_PAGE)
    text: str = template.render(
        totals=totals(results),
        run=how,
        marks=_MARKS,
        heads=HEAD,
        results=shown,
        things=columns,
        matrix=matrix,
        failed=failed,
        said=said,
        bars=bars,
    )
    return text


def write(path: str, results: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
    """Write the page to `path`, whole or not at all."""
    from scratchnet._files import write_atomically

    write_atomically(path, page(results, run).encode())
