"""The pages' one style sheet: readable, high in contrast, light and dark, usable from a telephone's width on."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --faint: #55606e; --paper: #fff; --ground: #f3f5f8; --line: #d5dbe3;
  --accent: #0b5cad; --good: #14693a; --waiting: #7a4d00; --bad: #a3231b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --faint: #a9b4c2; --paper: #1a212b; --ground: #11161d;
  --line: #37424f; --accent: #7cb8f5; --good: #6fd39b; --waiting: #f0bd62; --bad: #ff9d94; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
  background: var(--ground); }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; padding: .75rem 1.5rem;
  background: var(--paper); border-bottom: 1px solid var(--line); }
nav { display: flex; flex-wrap: wrap; gap: .25rem; }
nav a { padding: .35rem .75rem; border-radius: .4rem; text-decoration: none; }
nav a[aria-current] { background: var(--accent); color: var(--paper); font-weight: 600; }
.corner { margin-left: auto; display: flex; gap: 1rem; align-items: center; }
main { max-width: 84rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.6rem; margin: .75rem 0 1rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; }
a { color: var(--accent); } a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible,
summary:focus-visible, .wide:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: 1rem; background: var(--paper);
  padding: .5rem; }
.wide { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: .6rem .8rem; color: var(--faint); }
th, td { text-align: left; vertical-align: top; padding: .5rem .8rem; border-bottom: 1px solid var(--line); }
th { font-size: .85rem; color: var(--faint); font-weight: 600; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; } tbody tr:hover { background: var(--ground); }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; } .faint { color: var(--faint); }
.badge { display: inline-block; padding: .05rem .5rem; border: 1px solid currentColor; border-radius: 1rem;
  font-size: .85rem; white-space: nowrap; }
.good { color: var(--good); } .waiting { color: var(--waiting); } .bad { color: var(--bad); }
  .plain { color: var(--faint); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .8rem 1.5rem; margin: 0;
  padding: 1rem; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; }
dt { font-size: .85rem; color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
form { margin: 0; } small { white-space: nowrap; } .card { background: var(--paper);
  border: 1px solid var(--line); border-radius: .5rem;
  padding: 1rem; }
.card > * + * { margin-top: .8rem; } .row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: end; }
fieldset { border: 1px solid var(--line); border-radius: .4rem; padding: .6rem 1rem; }
fieldset label { display: block; padding: .15rem 0; } .many { max-height: 22rem; overflow-y: auto;
  margin: .5rem 0 0 1.5rem; }
label.field { display: block; min-width: 0; max-width: 100%; } label.field span { display: block;
  font-size: .85rem; color: var(--faint); }
input:not([type=checkbox], [type=radio]), select { font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--faint); border-radius: .4rem; padding: .4rem .6rem; max-width: 100%; }
button { font: inherit; padding: .4rem .9rem; border: 1px solid var(--accent); border-radius: .4rem; cursor: pointer;
  background: var(--accent); color: var(--paper); } button.quiet { background: none; color: var(--accent); }
button.danger { background: var(--bad); border-color: var(--bad); color: var(--paper); }
footer { padding: 0 1.5rem 2rem; color: var(--faint); font-size: .85rem; text-align: center; }
main > * + * { margin-top: 1rem; } main > h2 { margin-top: 2rem; }
summary { white-space: nowrap; cursor: pointer; color: var(--accent); } details[open] summary { margin-bottom: .5rem; }
.notice { background: var(--paper); border-left: .4rem solid var(--good); padding: .8rem 1rem; border-radius: .3rem; }
.notice.wrong { border-color: var(--bad); } td code { white-space: nowrap; } td .row { flex-wrap: nowrap; }
code { font-size: 1.05em; overflow-wrap: anywhere; }
.login { max-width: 26rem; }
"""
