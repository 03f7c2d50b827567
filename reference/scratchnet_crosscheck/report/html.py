"""The report as one self-contained page: the matrix, what failed, the errors. Needs Jinja2."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_BUCKETS = ("0", *(f"1e{power}" for power in range(-6, 1)), "more")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cross-check: {{ totals }}</title>
<style>
:root { color-scheme: light dark; --line: #8885; --good: #2e7d32; --bad: #c62828; --grey: #777; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: left; }
td.cell { white-space: nowrap; }
.passed { color: var(--good); } .failed, .not_checked { color: var(--bad); font-weight: 600; }
.inconclusive, .not_applicable, .oracle_absent { color: var(--grey); }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .5rem; white-space: pre-wrap;
      overflow-wrap: anywhere; }
svg { width: 100%; max-width: 40rem; height: auto; } svg text { fill: currentColor; font-size: 11px; }
</style>
</head>
<body>
<h1>Cross-check</h1>
<p>{{ totals }}.{% for name, value in run.items() %} {{ name }}: {{ value }}.{% endfor %}</p>

<h2>Every check</h2>
<div class="wide"><table>
<thead><tr><th>check</th>{% for thing in things %}<th>{{ thing }}</th>{% endfor %}</tr></thead>
<tbody>
{% for check, cells in matrix %}<tr><th>{{ check }}</th>
{% for cell in cells %}<td class="cell">{% for r in cell -%}
<span class="{{ r.verdict }}" title="{{ r.message }}">
{{- r.verdict | replace("_", " ") }}</span>
{{ r.oracle }} {{ r.dtype }}:
{{ r.cases }} cases{% if r.verdict == "passed" -%}
, worst {{ "%.2g" | format(r.worst_error) }}{% endif %}<br>
{% endfor %}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>

<h2>What failed</h2>
{% for r in failed %}
<section><h3>{{ r.subject }} as {{ r.taken_for }}: {{ r.check | replace("_", " ") }}
({{ r.dtype }}{{ ", " if r.oracle }}{{ r.oracle }})</h3>
{% if r.expected_failure %}<p>Expected: {{ r.expected_failure }}</p>{% endif %}
<p>{{ r.message }}</p>
{% for reason in r.diagnosis %}<p>Diagnosis: {{ reason.words }}</p>{% endfor %}
{% if r.smallest_case %}<pre>{{ r.smallest_case }}</pre>{% endif %}
<p>{{ r.file }}, again with <code>--crosscheck-seed={{ r.seed }}</code></p></section>
{% else %}<p>Nothing.</p>{% endfor %}

<h2>Worst errors</h2>
<p>The worst error of each check that compares numbers, as a multiple of what is allowed:
above 1 it fails.</p>
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
    from .terminal import totals

    def thing(found: Mapping[str, Any]) -> str:
        return f"{found['subject']} as {found['taken_for']}"

    things = list(dict.fromkeys(thing(r) for r in results))
    checks = list(dict.fromkeys(str(r["check"]) for r in results))
    matrix = [
        (
            check.replace("_", " "),
            [[r for r in results if r["check"] == check and thing(r) == one] for one in things],
        )
        for check in checks
    ]
    seen = Counter(
        _bucket(r["worst_error"])
        for r in results
        if r["verdict"] in ("passed", "failed") and (r["verdict"] == "passed" or r["worst_error"] > 0)
    )
    most = max(seen.values(), default=1)
    bars = [(name, seen[name], round(100 * seen[name] / most)) for name in _BUCKETS]
    failed = [r for r in results if r["verdict"] in ("failed", "not_checked")]
    template = jinja2.Environment(autoescape=True).from_string(_PAGE)
    text: str = template.render(
        totals=totals(results), run=run, things=things, matrix=matrix, failed=failed, bars=bars
    )
    return text


def write(path: str, results: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
    """Write the page to `path`, whole or not at all."""
    from scratchnet._files import write_atomically

    write_atomically(path, page(results, run).encode())
