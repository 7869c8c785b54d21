import{a as u,b as g,c as x}from"./shared-SIKCWZTS.js";import{ui_element_Element as P,ui_element_html as o,ui_element_nothing as c}from"./app.js";import{vendor_lit_html_live as k}from"./app.js";import{text_number as S,text_t as n}from"./app.js";import{ui_invitation_invitation as z,ui_invitation_numbers as O,ui_invitation_titleOf as v}from"./app.js";import{ui_late_style as _}from"./app.js";import{lessons_index_lessons as p}from"./app.js";import{lessons_progress_Progress as j}from"./app.js";var L=250,w=class extends P{static events=["view","state","trace"];progress=new j;number=null;stage="idle";experiment;#t;#o;#i;#e={};#c={};#a;#n=new Map;#d=Promise.resolve();#l={};#r="";#b=0;#h=!1;#$="";#g=Promise.resolve();connect(s){s.addEventListener("view",({detail:t})=>t?.includes("lesson")&&this.#v()),s.addEventListener("reset",()=>this.number&&this.#u(this.number)),s.addEventListener("trace",()=>this.number&&this.#u(this.number)),setInterval(()=>this.#S(),L),this.#v()}get#s(){return`lessons.${p[this.number-1].key}`}get#m(){return this.#t.observations.filter(({when:s})=>!s||!this.experiment||s(this.experiment))}#v(){let{lesson:s}=this.app.view,t=p[s-1]?s:null;t!==this.number&&this.#u(t)}#u(s){let t=this.contains(document.activeElement),{experiment:i}=this;this.number=s,this.#k(),s&&this.app.live&&(this.stage="preparing"),this.#g=this.#g.then(()=>i?.end()).then(()=>this.number===s&&s&&this.#_()),this.drawNow(),t&&this.querySelector("h2")?.focus()}#k(){this.experiment=this.#t=this.#o=this.#i=this.#a=void 0,this.stage="idle",this.#e={},this.#c={},this.#l={},this.#n.clear(),this.#d=Promise.resolve(),this.#r=this.#$="",this.#h=!1}async#_(){let{app:s,number:t}=this;if(!s.live)return;let i;try{let[{lesson:e},{Experiment:r}]=await Promise.all([p[t-1].load(),import("./lessons-experiment.js"),import("./quiz.js"),_(new URL("quiz.css",import.meta.url)),this.#q(t)]);if(this.number!==t)return;this.#t=e,i=this.experiment=new r(s,e),await i.begin(),this.stage="question"}catch(e){if(i?.stopped||this.number!==t)return;this.stage="failed",this.#$=e.message}this.draw()}async#q(s){let{lab:t,lanes:i,trace:e}=this.app;for(let r=performance.now()+4e3;this.number===s;){let l=[...i.values()].every(({state:a})=>a!=="connecting")||performance.now()>r;if(t.link==="open"&&e.now&&l)return;await new Promise(a=>setTimeout(a,50))}}#E(s){s.preventDefault(),this.#o&&(this.#i=this.#o,this.progress.tell(this.#t.key,{prediction:this.#i}),this.stage="try",this.#r=n("lessons.ui.unlocked"),this.drawNow(),this.querySelector(".try h3")?.focus({preventScroll:!0}))}#w(s,t){let{experiment:i}=this,{key:e}=s;!i||t===void 0&&this.#n.has(e)||(this.#n.set(e,(this.#n.get(e)??0)+1),this.#l[e]="",t!==void 0&&(i.values[e]=t),this.drawNow(),this.#d=this.#d.then(()=>i===this.experiment&&this.#P(i,s,t)))}async#P(s,t,i){let{key:e}=t,r=this.app.lab.now();try{let a=await t.run(s,i);s.note(e,i,r);let h=`${this.#s}.controls.${e}.done`;n(h,a)!==h&&(this.#l[e]=n(h,a??{}))}catch(a){if(s.stopped)return;let h=n(`lessons.ui.errors.${a.message}`);this.#l[e]=n("lessons.ui.could-not",{why:h.startsWith("lessons.")?a.message:h})}let l=this.#n.get(e)-1;l?this.#n.set(e,l):this.#n.delete(e),this.draw()}#S(){if(this.stage!=="try"&&this.stage!=="explained"||this.experiment.stopped||!this.app.live)return;let s=performance.now();if(s<this.#b)return;let t=this.#m;if(t.every(({key:e})=>this.#e[e])){this.#t.live&&this.draw();return}let i=this.experiment.facts();for(let{key:e,seen:r}of t){let l=!this.#e[e]&&r(i,this.experiment);if(!l)continue;this.#e[e]=l;let a=Object.keys(this.#e).length;this.#r=n("lessons.ui.announce",{what:g(n(`${this.#s}.observations.${e}.text`)),n:a,all:t.length}),a===t.length?(this.#r=`${this.#r} ${n("lessons.ui.announce-all")}`,this.#f()):this.stage==="explained"&&this.#f()}this.#b=s+10*(performance.now()-s),this.draw()}#f(){let s=this.#t,t=this.experiment.facts(),i={};for(let[a,h]of Object.entries(this.#e))for(let[d,m]of Object.entries(h))d!=="item"&&d!=="other"&&(i[`${a}.${d}`]=m);let{outcome:e,...r}=s.summary(t,this.#e,this.experiment);for(let[a,h]of Object.entries(r))h!==void 0&&(i[a]=h);this.#c={outcome:e,figures:i},this.#a=s.table?.(t);let l=this.#m.every(({key:a})=>this.#e[a]);if(e){let a=Object.values(this.#e).find(h=>h.item)?.item;this.progress.tell(s.key,{outcome:e,figures:i,item:a,lab:this.app.lab.id,done:l||this.progress.of(s.key).done})}this.stage="explained",this.draw()}#z(s){let{app:t}=this,i=t.trace.find(s);if(!i)return this.#r=n("lessons.ui.gone"),this.draw();let{end:e,span:r}=t.view,l=e??t.lab.now(),a=i.at<=l&&i.at>=l-.8*r;t.set(a&&e!==null?{selected:s}:{selected:s,paused:!0,end:i.at+.4*r});let h=matchMedia("(prefers-reduced-motion: reduce)").matches;document.querySelector("#stage")?.scrollIntoView({block:"nearest",behavior:h?"auto":"smooth"})}template(){return o`<section class="panel lesson" data-lesson=${this.number??c} data-stage=${this.stage} aria-labelledby="lesson-title">
      ${this.number?this.#j():this.#O()}
      <p class="hidden-text" role="status">${this.#r}</p>
    </section>`}#y=s=>this.app.set({lesson:s});#O(){return o`${z({app:this.app,progress:this.progress,deciding:this.#h,decide:()=>this.decide(!this.#h),go:this.#y})}
      ${this.#h?o`<push-decide .progress=${this.progress} .app=${this.app} @forget=${()=>this.draw()}></push-decide>`:c}`}#j(){return o`<header>
        <h2 id="lesson-title" tabindex="-1">${n("lessons.ui.heading",{n:this.number,title:v(p[this.number-1].key)})}</h2>
        ${O({progress:this.progress,current:this.number,go:this.#y})}
      </header>
      ${this.#L()}`}#L(){if(!this.app.live)return o`<p class="note warn">${n("lessons.ui.frozen")}</p>`;if(this.stage==="failed")return o`<p class="note bad" role="alert">${n("lessons.ui.failed",{why:this.#$})}</p>
        <p><button @click=${()=>this.#u(this.number)}>${n("lessons.ui.again")}</button></p>`;if(!this.#t)return o`<p class="intro">${u(n(`${this.#s}.intro`))}</p><p class="small quiet">${n("lessons.ui.preparing")}</p>`;let s=this.experiment&&this.#t.note?.(this.experiment);return o`<div class="columns">
      <div class="predict">
        <p class="intro">${u(n(`${this.#s}.intro`))}</p>
        ${s?o`<p class="note">${n(`${this.#s}.notes.${s.key}`,s)}</p>`:c}
        ${this.#N()}
      </div>
      <div class="try">${this.#I()}</div>
      <div class="watch">${this.#M()}</div>
      ${this.#U()}
    </div>
    ${this.stage==="explained"?this.#T():c}`}#p(s){return s==="unsure"?n("lessons.ui.unsure"):n(`${this.#s}.options.${s}`)}#N(){if(this.#i)return o`<h3>${n("lessons.ui.predict")}</h3>
        <p>${u(n(`${this.#s}.question`))}</p>
        <p class="predicted">${u(n("lessons.ui.predicted",{said:this.#p(this.#i)}))}</p>`;let s=this.stage==="question";return o`<form @submit=${t=>this.#E(t)}>
      <fieldset ?disabled=${!s}>
        <legend><h3>${n("lessons.ui.predict")}</h3> ${u(n(`${this.#s}.question`))}</legend>
        ${[...this.#t.options,"unsure"].map(t=>o`<label>
          <input type="radio" name="prediction" value=${t} .checked=${k(this.#o===t)}
            @change=${()=>{this.#o=t,this.drawNow()}}>
          <span>${u(this.#p(t))}</span></label>`)}
      </fieldset>
      <button class="primary" ?disabled=${!s||!this.#o}>${n("lessons.ui.sure")}</button>
      <span class="small quiet">${s?this.#o?c:n("lessons.ui.choose-first"):n("lessons.ui.preparing")}</span>
    </form>`}#I(){let s=this.stage!=="try"&&this.stage!=="explained",{experiment:t}=this,i=this.#t.controls.filter(({when:e})=>!e||t&&e(t));return o`<h3 tabindex="-1">${n("lessons.ui.try")}</h3>
      ${s?o`<p class="small quiet">${n("lessons.ui.locked")}</p>`:c}
      <div class="controls">${i.map(e=>this.#R(e,s))}</div>
      ${t&&this.#t.live?o`<div class="live">${this.#t.live(t).map(({key:e,...r})=>o`<p>${n(`${this.#s}.live.${e}`,r)}</p>`)}</div>`:c}`}#R(s,t){let{key:i,values:e,href:r}=s,l=`${this.#s}.controls.${i}`,a=n(`${l}.hint`),h=a!==`${l}.hint`,d=this.#n.has(i),m=h?`control-${i}`:c,{experiment:f}=this,b;if(e){let q=f?.values[i]??e[0],E=e.filter($=>!s.offered||f&&s.offered(f,$));b=o`<fieldset ?disabled=${t} aria-describedby=${m}>
        <legend>${n(`${l}.label`)}</legend>
        <span class="switch">${E.map($=>o`<label><input type="radio" name=${`control-${i}`} value=${$}
          .checked=${k($===q)} @change=${()=>this.#w(s,$)}><span>${u(n(`${l}.options.${N($)}`))}</span></label>`)}</span>
      </fieldset>`}else r?b=t?o`<span class="quiet">${n(`${l}.label`)}</span>`:o`<a class="button" href=${r(f)} target="_blank" rel="noopener" aria-describedby=${m}>${n(`${l}.label`)}</a>`:b=o`<button ?disabled=${t} aria-disabled=${d} aria-describedby=${m} @click=${()=>this.#w(s)}>${n(`${l}.label`)}</button>`;return o`<div class="control" data-control=${i}>${b}
      ${h?o`<p class="small quiet" id=${`control-${i}`}>${a}</p>`:c}
      <p class="small result" role="status">${d?n("lessons.ui.busy"):u(this.#l[i]??"")}</p></div>`}#U(){let s=this.experiment&&this.#t.frame?.(this.experiment);return s?o`<iframe title=${n("lessons.ui.frame")} src=${s}></iframe>`:c}#M(){let s=this.#m,t=this.stage==="try"||this.stage==="explained";return o`<h3>${n("lessons.ui.watch")}</h3>
      <p class="small quiet">${n("lessons.ui.watch-hint")}</p>
      <ol class="observations">${s.map(({key:i})=>{let e=this.#e[i],r=n(`${this.#s}.observations.${i}.text`);return o`<li data-observation=${i} class=${e?"is-seen":""}>
          <span class="tick" aria-hidden="true">${e?"\u2713":""}</span>
          <div><p>${u(r)} <span class="state">${e?n("lessons.ui.seen"):n("lessons.ui.open")}</span></p>
          ${e?o`<p class="found">${u(n(`${this.#s}.observations.${i}.seen`,e))}
            ${this.#x(e.item,"show",r)} ${this.#x(e.other,"show-other",r)}</p>`:c}</div></li>`})}</ol>
      ${t&&this.stage!=="explained"?o`<p class="skip"><button class="bare" @click=${()=>this.#f()}>${n("lessons.ui.skip")}</button></p>`:c}`}#x(s,t,i){if(!s)return c;let e=n(`lessons.ui.${t}`);return o`<button class="bare" aria-label=${n("lessons.ui.show-what",{show:e,what:g(i)})} @click=${()=>this.#z(s)}>${e}</button>`}#T(){let s=this.#t,t=this.#s,{figures:i}=this.#c;return o`<div class="explanation">
      <div class="why">
        <h3>${n("lessons.ui.explain")}</h3>
        ${this.#V()}
        ${x(n(`${t}.why`,i))}
        ${this.#D()}
        <h4>${n("lessons.ui.devtools")}</h4>
        <p>${u(n(`${t}.devtools`))}</p>
      </div>
      <div class="after">
        <h3>${n("lessons.ui.quiz")}</h3>
        <push-quiz .name=${s.key} .questions=${s.quiz} .answers=${this.progress.of(s.key).answers??{}}
          @answer=${({detail:{key:e,option:r}})=>this.progress.tell(s.key,{answers:{...this.progress.of(s.key).answers,[e]:r}})}></push-quiz>
        <h3>${n("lessons.ui.read")}</h3>
        <ul class="links">
          ${s.specs.map(({key:e,url:r})=>o`<li><a href=${r} target="_blank" rel="noopener">${n(`${t}.specs.${e}`)}</a></li>`)}
          ${s.code.map(e=>o`<li>${this.#K(e)}</li>`)}
        </ul>
      </div>
      <p class="next">${this.number<p.length?o`<button class="primary" @click=${()=>this.app.set({lesson:this.number+1})}>
          ${n("lessons.ui.next",{title:v(p[this.number].key)})}</button>`:o`<button class="primary" @click=${()=>this.#A()}>${n("lessons.ui.finish")}</button>`}
        <button @click=${()=>this.app.set({lesson:null})}>${n("lessons.ui.leave")}</button></p>
    </div>`}#V(){let{outcome:s,figures:t}=this.#c,i=this.#p(this.#i),e=n(`${this.#s}.fact`,t),r=!/\{[a-z]/i.test(e),l=s?this.#i==="unsure"?"unsure":this.#i===s?"right":"wrong":"open";return o`<p class=${`note verdict ${l==="right"?"good":""}`}>
      ${u(n(`lessons.ui.verdict.${l}`,{said:i,was:s&&this.#p(s)}))} ${s&&r?u(e):c}</p>`}#D(){if(!this.#a)return c;let{lanes:s}=this.app;return o`<div class="scroll-x" tabindex="0" role="region" aria-label=${v(p[this.number-1].key)}><table>
      <caption>${n(`${this.#s}.caption`)}</caption>
      <thead><tr><th scope="col">${n("lessons.ui.lane")}</th>${this.#a[0].cells.map((t,i)=>o`<th scope="col" class="num">${n(`${this.#s}.columns.${i}`)}</th>`)}</tr></thead>
      <tbody>${this.#a.map(({lane:t,cells:i})=>o`<tr data-lane=${t}><th scope="row"><span class="badge" aria-hidden="true">${s.get(t).letter}</span> ${s.get(t).title}</th>
        ${i.map(e=>o`<td class="num">${S(e)}</td>`)}</tr>`)}</tbody></table></div>`}#K({file:s,at:t,page:i}){return i?o`<a href=${new URL(`../${i}`,new URL("../ui/lesson.js",import.meta.url))} target="_blank" rel="noopener"><code>${i}</code></a>`:o`<button class="bare code" @click=${()=>this.#W(s,t)}><code>${s.replace("web/static/","")}: ${t.replace("open.","")}</code></button>`}async#W(s,t){let i=document.querySelector("push-code");await i.show(s,t),i.tabIndex=-1,i.focus({preventScroll:!0}),i.scrollIntoView({block:"start"})}async decide(s){await Promise.all([import("./decide.js"),_(new URL("decide.css",import.meta.url))]),this.#h=s,this.drawNow()}async#A(){this.app.set({lesson:null}),await this.decide(!0),this.querySelector("push-decide h3")?.focus()}};function N(y){return y.replace(".","-")}customElements.define("push-lesson",w);
//# sourceMappingURL=lesson.js.map
