import{ui_element_Element as $,ui_element_badge as f,ui_element_bytes as g,ui_element_html as n,ui_element_nothing as b}from"./app.js";import{text_t as s}from"./app.js";var l=[{name:"request",role:"head",of:t=>t.headUp},{name:"response",role:"head",of:t=>t.headDown},{name:"framing",role:"framing",of:t=>t.framing},{name:"payload",role:"payload",of:t=>t.payload}],h=class extends ${static pace=500;#t;template(a){let r=[...a.lanes.values()].map(e=>({lane:e,...y(a.trace.totals(e.name))})),p=Math.max(1,...r.map(({all:e})=>e||0));return n`<section class="panel cost" aria-labelledby="cost-title">
      <header><h2 id="cost-title">${s("trace.cost.title")}</h2><span class="quiet small">${s("trace.cost.since")}</span></header>
      <ul class="key" aria-hidden="true">${l.map(({name:e,role:c})=>n`<li><i class="part ${e}" data-role=${c}></i>${s(`trace.cost.parts.${e}`)}</li>`)}</ul>
      <div class="bars" aria-hidden="true">${r.map(({lane:e,values:c,all:o})=>n`<div class="bar" data-lane=${e.name}>
        ${f(e)}<span class="track">${Number.isFinite(o)?l.map(({name:i,role:d},u)=>n`<i class="part ${i}" data-role=${d} data-share=${100*c[u]/p}></i>`):b}</span>
        <span class="num sum">${g(o)}</span></div>`)}</div>
      <div class="scroll-x" tabindex="0" role="region" aria-label=${s("trace.cost.table")}><table>
        <caption class="hidden-text">${s("trace.cost.table")}</caption>
        <thead><tr><th scope="col">${s("trace.cost.lane")}</th>${l.map(({name:e})=>n`<th scope="col" class="num">${s(`trace.cost.short.${e}`)}</th>`)}
          <th scope="col" class="num">${s("trace.cost.all")}</th><th scope="col" class="num">${s("trace.cost.segments")}</th></tr></thead>
        <tbody>${r.map(({lane:e,values:c,all:o,segments:i})=>n`<tr data-lane=${e.name}><th scope="row">${s(`trace.short.${e.name}`)}</th>
          ${c.map(d=>n`<td class="num">${m(d)}</td>`)}<td class="num"><strong>${m(o)}</strong></td><td class="num">${m(i)}</td></tr>`)}</tbody>
      </table></div>
      <details class="chart" @toggle=${e=>this.#e(e.target)}>
        <summary>${s("trace.cost.chart")}</summary>
        <div class="plots"></div>
      </details>
    </section>`}drawn(){for(let a of this.querySelectorAll("[data-share]"))a.style.setProperty("--share",`${a.dataset.share}%`);this.#t?.update()}async#e(a){if(!a.open){this.#t?.close(),this.#t=void 0;return}let{Chart:r}=await import("./chart.js");a.open&&!this.#t&&(this.#t=new r(this.app,a.querySelector(".plots")))}};function y(t){let a=r=>t.events?r/t.events:NaN;return{values:l.map(({of:r})=>a(r(t))),all:a(t.head+t.framing+t.payload),segments:a(t.segments)}}function m(t){return Number.isFinite(t)?t<10&&t>0?t.toFixed(1):String(Math.round(t)):"\u2013"}customElements.define("push-cost",h);
//# sourceMappingURL=cost.js.map
