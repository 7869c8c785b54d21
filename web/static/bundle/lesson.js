import{a as u,b as v,c as x}from"./shared-SIKCWZTS.js";import{ui_element_Element as S,ui_element_html as o,ui_element_nothing as c}from"./app.js";import{vendor_lit_html_live as k}from"./app.js";import{text_number as z,text_t as n}from"./app.js";import{ui_invitation_invitation as O,ui_invitation_numbers as j,ui_invitation_titleOf as w}from"./app.js";import{ui_late_style as _}from"./app.js";import{lessons_index_lessons as d}from"./app.js";import{lessons_progress_Progress as L}from"./app.js";var N=250,y=class extends S{static events=["view","state","trace"];progress=new L;number=null;stage="idle";experiment;#t;#o;#i;#e={};#c={};#a;#n=new Map;#d=Promise.resolve();#l={};#r="";#b=0;#h=!1;#$="";#g=Promise.resolve();connect(s){s.addEventListener("view",({detail:t})=>t?.includes("lesson")&&this.#v()),s.addEventListener("reset",()=>this.number&&this.#u(this.number,{discard:!0})),s.addEventListener("trace",()=>this.number&&this.#u(this.number)),setInterval(()=>this.#S(),N),this.#v()}get#s(){return`lessons.${d[this.number-1].key}`}get#m(){return this.#t.observations.filter(({when:s})=>!s||!this.experiment||s(this.experiment))}#v(){let{lesson:s}=this.app.view,t=d[s-1]?s:null;t!==this.number&&this.#u(t)}#u(s,t){let e=this.contains(document.activeElement),{experiment:i}=this;this.number=s,this.#k(),s&&this.app.live&&(this.stage="preparing"),this.#g=this.#g.then(()=>i?.end(t)).then(()=>this.number===s&&s&&this.#_()),this.drawNow(),e&&this.querySelector("h2")?.focus()}#k(){this.experiment=this.#t=this.#o=this.#i=this.#a=void 0,this.stage="idle",this.#e={},this.#c={},this.#l={},this.#n.clear(),this.#d=Promise.resolve(),this.#r=this.#$="",this.#h=!1}async#_(){let{app:s,number:t}=this;if(!s.live)return;let e;try{let[{lesson:i},{Experiment:r}]=await Promise.all([d[t-1].load(),import("./lessons-experiment.js"),import("./quiz.js"),_(new URL("quiz.css",import.meta.url)),this.#q(t)]);if(this.number!==t)return;this.#t=i,e=this.experiment=new r(s,i),await e.begin(),this.stage="question"}catch(i){if(e?.stopped||this.number!==t)return;this.stage="failed",this.#$=q(i)}this.draw()}async#q(s){let{lab:t,lanes:e,trace:i}=this.app;for(let r=performance.now()+4e3;this.number===s;){let a=[...e.values()].every(({state:l})=>l!=="connecting")||performance.now()>r;if(t.link==="open"&&i.now&&a)return;await new Promise(l=>setTimeout(l,50))}}#E(s){s.preventDefault(),this.#o&&(this.#i=this.#o,this.progress.tell(this.#t.key,{prediction:this.#i}),this.stage="try",this.#r=n("lessons.ui.unlocked"),this.drawNow(),this.querySelector(".try h3")?.focus({preventScroll:!0}))}#w(s,t){let{experiment:e}=this,{key:i}=s;if(!e||t===void 0&&this.#n.has(i))return;this.#n.set(i,(this.#n.get(i)??0)+1),this.#l[i]="";let r=e.values[i];t!==void 0&&(e.values[i]=t),this.drawNow(),this.#d=this.#d.then(()=>e===this.experiment&&this.#P(e,s,t,r))}async#P(s,t,e,i){let{key:r}=t,a=this.app.lab.now();try{let h=await t.run(s,e);s.note(r,e,a);let p=`${this.#s}.controls.${r}.done`;n(p,h)!==p&&(this.#l[r]=n(p,h??{}))}catch(h){if(s.stopped)return;e!==void 0&&s.values[r]===e&&(s.values[r]=i),this.#l[r]=n("lessons.ui.could-not",{why:q(h)})}let l=this.#n.get(r)-1;l?this.#n.set(r,l):this.#n.delete(r),this.draw()}#S(){if(this.stage!=="try"&&this.stage!=="explained"||this.experiment.stopped||!this.app.live)return;let s=performance.now();if(s<this.#b)return;let t=this.#m;if(t.every(({key:i})=>this.#e[i])){this.#t.live&&this.draw();return}let e=this.experiment.facts();for(let{key:i,seen:r}of t){let a=!this.#e[i]&&r(e,this.experiment);if(!a)continue;this.#e[i]=a;let l=Object.keys(this.#e).length;this.#r=n("lessons.ui.announce",{what:v(n(`${this.#s}.observations.${i}.text`)),n:l,all:t.length}),l===t.length?(this.#r=`${this.#r} ${n("lessons.ui.announce-all")}`,this.#f()):this.stage==="explained"&&this.#f()}this.#b=s+10*(performance.now()-s),this.draw()}#f(){let s=this.#t,t=this.experiment.facts(),e={};for(let[l,h]of Object.entries(this.#e))for(let[p,f]of Object.entries(h))p!=="item"&&p!=="other"&&(e[`${l}.${p}`]=f);let{outcome:i,...r}=s.summary(t,this.#e,this.experiment);for(let[l,h]of Object.entries(r))h!==void 0&&(e[l]=h);this.#c={outcome:i,figures:e},this.#a=s.table?.(t);let a=this.#m.every(({key:l})=>this.#e[l]);if(i){let l=Object.values(this.#e).find(h=>h.item)?.item;this.progress.tell(s.key,{outcome:i,figures:e,item:l,lab:this.app.lab.id,done:a||this.progress.of(s.key).done})}this.stage="explained",this.draw()}#z(s){let{app:t}=this,e=t.trace.find(s);if(!e)return this.#r=n("lessons.ui.gone"),this.draw();let{end:i,span:r}=t.view,a=i??t.lab.now(),l=e.at<=a&&e.at>=a-.8*r;t.set(l&&i!==null?{selected:s}:{selected:s,paused:!0,end:e.at+.4*r});let h=matchMedia("(prefers-reduced-motion: reduce)").matches;document.querySelector("#stage")?.scrollIntoView({block:"nearest",behavior:h?"auto":"smooth"})}template(){return o`<section class="panel lesson" data-lesson=${this.number??c} data-stage=${this.stage} aria-labelledby="lesson-title">
      ${this.number?this.#j():this.#O()}
      <p class="hidden-text" role="status">${this.#r}</p>
    </section>`}#y=s=>this.app.set({lesson:s});#O(){return o`${O({app:this.app,progress:this.progress,deciding:this.#h,decide:()=>this.decide(!this.#h),go:this.#y})}
      ${this.#h?o`<push-decide .progress=${this.progress} .app=${this.app} @forget=${()=>this.draw()}></push-decide>`:c}`}#j(){return o`<header>
        <h2 id="lesson-title" tabindex="-1">${n("lessons.ui.heading",{n:this.number,title:w(d[this.number-1].key)})}</h2>
        ${j({progress:this.progress,current:this.number,go:this.#y})}
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
    </form>`}#I(){let s=this.stage!=="try"&&this.stage!=="explained",{experiment:t}=this,e=this.#t.controls.filter(({when:i})=>!i||t&&i(t));return o`<h3 tabindex="-1">${n("lessons.ui.try")}</h3>
      ${s?o`<p class="small quiet">${n("lessons.ui.locked")}</p>`:c}
      <div class="controls">${e.map(i=>this.#R(i,s))}</div>
      ${t&&this.#t.live?o`<div class="live">${this.#t.live(t).map(({key:i,...r})=>o`<p>${n(`${this.#s}.live.${i}`,r)}</p>`)}</div>`:c}`}#R(s,t){let{key:e,values:i,href:r}=s,a=`${this.#s}.controls.${e}`,l=n(`${a}.hint`),h=l!==`${a}.hint`,p=this.#n.has(e),f=h?`control-${e}`:c,{experiment:b}=this,g;if(i){let E=b?.values[e]??i[0],P=i.filter($=>!s.offered||b&&s.offered(b,$));g=o`<fieldset ?disabled=${t} aria-describedby=${f}>
        <legend>${n(`${a}.label`)}</legend>
        <span class="switch">${P.map($=>o`<label><input type="radio" name=${`control-${e}`} value=${$}
          .checked=${k($===E)} @change=${()=>this.#w(s,$)}><span>${u(n(`${a}.options.${I($)}`))}</span></label>`)}</span>
      </fieldset>`}else r?g=t?o`<span class="quiet">${n(`${a}.label`)}</span>`:o`<a class="button" href=${r(b)} target="_blank" rel="noopener" aria-describedby=${f}>${n(`${a}.label`)}</a>`:g=o`<button ?disabled=${t} aria-disabled=${p} aria-describedby=${f} @click=${()=>this.#w(s)}>${n(`${a}.label`)}</button>`;return o`<div class="control" data-control=${e}>${g}
      ${h?o`<p class="small quiet" id=${`control-${e}`}>${l}</p>`:c}
      <p class="small result" role="status">${p?n("lessons.ui.busy"):u(this.#l[e]??"")}</p></div>`}#U(){let s=this.experiment&&this.#t.frame?.(this.experiment);return s?o`<iframe title=${n("lessons.ui.frame")} src=${s}></iframe>`:c}#M(){let s=this.#m,t=this.stage==="try"||this.stage==="explained";return o`<h3>${n("lessons.ui.watch")}</h3>
      <p class="small quiet">${n("lessons.ui.watch-hint")}</p>
      <ol class="observations">${s.map(({key:e})=>{let i=this.#e[e],r=n(`${this.#s}.observations.${e}.text`);return o`<li data-observation=${e} class=${i?"is-seen":""}>
          <span class="tick" aria-hidden="true">${i?"\u2713":""}</span>
          <div><p>${u(r)} <span class="state">${i?n("lessons.ui.seen"):n("lessons.ui.open")}</span></p>
          ${i?o`<p class="found">${u(n(`${this.#s}.observations.${e}.seen`,i))}
            ${this.#x(i.item,"show",r)} ${this.#x(i.other,"show-other",r)}</p>`:c}</div></li>`})}</ol>
      ${t&&this.stage!=="explained"?o`<p class="skip"><button class="bare" @click=${()=>this.#f()}>${n("lessons.ui.skip")}</button></p>`:c}`}#x(s,t,e){if(!s)return c;let i=n(`lessons.ui.${t}`);return o`<button class="bare" aria-label=${n("lessons.ui.show-what",{show:i,what:v(e)})} @click=${()=>this.#z(s)}>${i}</button>`}#T(){let s=this.#t,t=this.#s,{figures:e}=this.#c;return o`<div class="explanation">
      <div class="why">
        <h3>${n("lessons.ui.explain")}</h3>
        ${this.#V()}
        ${x(n(`${t}.why`,e))}
        ${this.#D()}
        <h4>${n("lessons.ui.devtools")}</h4>
        <p>${u(n(`${t}.devtools`))}</p>
      </div>
      <div class="after">
        <h3>${n("lessons.ui.quiz")}</h3>
        <push-quiz .name=${s.key} .questions=${s.quiz} .answers=${this.progress.of(s.key).answers??{}}
          @answer=${({detail:{key:i,option:r}})=>this.progress.tell(s.key,{answers:{...this.progress.of(s.key).answers,[i]:r}})}></push-quiz>
        <h3>${n("lessons.ui.read")}</h3>
        <ul class="links">
          ${s.specs.map(({key:i,url:r})=>o`<li><a href=${r} target="_blank" rel="noopener">${n(`${t}.specs.${i}`)}</a></li>`)}
          ${s.code.map(i=>o`<li>${this.#K(i)}</li>`)}
        </ul>
      </div>
      <p class="next">${this.number<d.length?o`<button class="primary" @click=${()=>this.app.set({lesson:this.number+1})}>
          ${n("lessons.ui.next",{title:w(d[this.number].key)})}</button>`:o`<button class="primary" @click=${()=>this.#A()}>${n("lessons.ui.finish")}</button>`}
        <button @click=${()=>this.app.set({lesson:null})}>${n("lessons.ui.leave")}</button></p>
    </div>`}#V(){let{outcome:s,figures:t}=this.#c,e=this.#p(this.#i),i=n(`${this.#s}.fact`,t),r=!/\{[a-z]/i.test(i),a=s?this.#i==="unsure"?"unsure":this.#i===s?"right":"wrong":"open";return o`<p class=${`note verdict ${a==="right"?"good":""}`}>
      ${u(n(`lessons.ui.verdict.${a}`,{said:e,was:s&&this.#p(s)}))} ${s&&r?u(i):c}</p>`}#D(){if(!this.#a)return c;let{lanes:s}=this.app;return o`<div class="scroll-x" tabindex="0" role="region" aria-label=${w(d[this.number-1].key)}><table>
      <caption>${n(`${this.#s}.caption`)}</caption>
      <thead><tr><th scope="col">${n("lessons.ui.lane")}</th>${this.#a[0].cells.map((t,e)=>o`<th scope="col" class="num">${n(`${this.#s}.columns.${e}`)}</th>`)}</tr></thead>
      <tbody>${this.#a.map(({lane:t,cells:e})=>o`<tr data-lane=${t}><th scope="row"><span class="badge" aria-hidden="true">${s.get(t).letter}</span> ${s.get(t).title}</th>
        ${e.map(i=>o`<td class="num">${z(i)}</td>`)}</tr>`)}</tbody></table></div>`}#K({file:s,at:t,page:e}){return e?o`<a href=${new URL(`../${e}`,new URL("../ui/lesson.js",import.meta.url))} target="_blank" rel="noopener"><code>${e}</code></a>`:o`<button class="bare code" @click=${()=>this.#W(s,t)}><code>${s.replace("web/static/","")}: ${t.replace("open.","")}</code></button>`}async#W(s,t){let e=document.querySelector("push-code");await e.show(s,t),e.tabIndex=-1,e.focus({preventScroll:!0}),e.scrollIntoView({block:"start"})}async decide(s){await Promise.all([import("./decide.js"),_(new URL("decide.css",import.meta.url))]),this.#h=s,this.drawNow()}async#A(){this.app.set({lesson:null}),await this.decide(!0),this.querySelector("push-decide h3")?.focus()}};function q({message:m}){let s=n(`lessons.ui.errors.${m}`);return s.startsWith("lessons.")?m:s}function I(m){return m.replace(".","-")}customElements.define("push-lesson",y);
//# sourceMappingURL=lesson.js.map
