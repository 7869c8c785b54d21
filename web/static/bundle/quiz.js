import{a as h}from"./shared-SIKCWZTS.js";import{vendor_lit_html_html as o,vendor_lit_html_live as m,vendor_lit_html_nothing as d,vendor_lit_html_render as f}from"./app.js";import{text_t as i}from"./app.js";var r=class extends HTMLElement{#s;#t=[];#i={};#n={};set name(s){s!==this.#s&&(this.#s=s,this.#n={},this.#e())}set questions(s){this.#t=s,this.#e()}set answers(s){this.#i={...s},this.#e()}#e(){!this.#s||!this.#t.length||f(this.#t.map((s,l)=>this.#l(s,l)),this)}#l({key:s,options:l,right:e},$){let a=`lessons.${this.#s}.quiz.${s}`,n=this.#i[s],u=n??this.#n[s],c=t=>{this.#n[s]=t,this.#e()};return o`<form class="question" @submit=${t=>this.#h(t,s)}>
      <fieldset ?disabled=${n!==void 0}>
        <legend><span class="label">${i("lessons.ui.question",{n:$+1,all:this.#t.length})}</span> ${h(i(`${a}.question`))}</legend>
        ${l.map(t=>o`<label class=${n!==void 0&&t===e?"is-right":""}>
          <input type="radio" name=${`quiz-${this.#s}-${s}`} value=${t} .checked=${m(u===t)} @change=${()=>c(t)}>
          <span>${h(i(`${a}.options.${t}`))}</span></label>`)}
      </fieldset>
      ${n===void 0?o`<button ?disabled=${u===void 0}>${i("lessons.ui.check")}</button>`:d}
      <div class="explained" role="status">${n===void 0?d:o`
        <p><strong class=${n===e?"good":"warn"}>${i(`lessons.ui.${n===e?"right":"wrong"}`)}</strong>
          ${n===e?d:h(i("lessons.ui.answer-was",{answer:i(`${a}.options.${e}`)}))}
          ${h(i(`${a}.why`))}</p>`}</div>
    </form>`}#h(s,l){s.preventDefault();let e=this.#n[l];e!==void 0&&(this.#i[l]=e,this.#e(),this.dispatchEvent(new CustomEvent("answer",{detail:{key:l,option:e}})))}};customElements.define("push-quiz",r);
//# sourceMappingURL=quiz.js.map
