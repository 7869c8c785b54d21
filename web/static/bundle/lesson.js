import{a as u,b as v,c as k}from"./shared-SIKCWZTS.js";import{ui_element_Element as S,ui_element_html as r,ui_element_nothing as c}from"./app.js";import{vendor_lit_html_live as _}from"./app.js";import{text_number as z,text_t as i}from"./app.js";import{ui_invitation_invitation as L,ui_invitation_numbers as O,ui_invitation_titleOf as w}from"./app.js";import{ui_late_style as y}from"./app.js";import{lessons_index_lessons as d}from"./app.js";import{lessons_progress_Progress as j}from"./app.js";var N=250,x=class extends S{static events=["view","state","trace"];progress=new j;number=null;stage="idle";experiment;#t;#o;#i;#e={};#u={};#a;#n=new Map;#$=Promise.resolve();#l={};#r="";#g=0;#h=!1;#m="";#v=Promise.resolve();#c=0;connect(s){s.addEventListener("view",({detail:t})=>t?.includes("lesson")&&this.#w()),s.addEventListener("reset",()=>this.number&&this.#p(this.number,{discard:!0})),s.addEventListener("trace",()=>this.number&&this.#p(this.number)),setInterval(()=>this.#z(),N),this.#w()}get#s(){return`lessons.${d[this.number-1].key}`}get#f(){return this.#t.observations.filter(({when:s})=>!s||!this.experiment||s(this.experiment))}#w(){let{lesson:s}=this.app.view,t=d[s-1]?s:null;t!==this.number&&this.#p(t)}#p(s,t){let e=this.contains(document.activeElement),{experiment:n}=this,o=++this.#c;this.number=s,this.#_(),s&&this.app.live&&(this.stage="preparing"),this.#v=this.#v.then(()=>n?.end(t)).then(()=>o===this.#c&&s&&this.#q(o)),this.drawNow(),e&&this.querySelector("h2")?.focus()}#_(){this.experiment=this.#t=this.#o=this.#i=this.#a=void 0,this.stage="idle",this.#e={},this.#u={},this.#l={},this.#n.clear(),this.#$=Promise.resolve(),this.#r=this.#m="",this.#h=!1}async#q(s){let{app:t,number:e}=this;if(!t.live)return;let n;try{let[{lesson:o},{Experiment:a}]=await Promise.all([d[e-1].load(),import("./lessons-experiment.js"),import("./quiz.js"),y(new URL("quiz.css",import.meta.url)),this.#P(e)]);if(o.study&&await Promise.all([import("./study.js"),y(new URL("study.css",import.meta.url))]),s!==this.#c||(this.#t=o,n=this.experiment=new a(t,o),await n.begin(),s!==this.#c))return;this.stage="question"}catch(o){if(s!==this.#c)return;this.stage="failed",this.#m=q(o)}this.draw()}async#P(s){let{lab:t,lanes:e,trace:n}=this.app;for(let o=performance.now()+4e3;this.number===s;){let a=[...e.values()].every(({state:l})=>l!=="connecting")||performance.now()>o;if(t.link==="open"&&n.now&&a)return;await new Promise(l=>setTimeout(l,50))}}#E(s){s.preventDefault(),this.#o&&(this.#i=this.#o,this.progress.tell(this.#t.key,{prediction:this.#i}),this.stage="try",this.#r=i("lessons.ui.unlocked"),this.drawNow(),this.querySelector(".try h3")?.focus({preventScroll:!0}))}#y(s,t){let{experiment:e}=this,{key:n}=s;if(!e||t===void 0&&this.#n.has(n))return;this.#n.set(n,(this.#n.get(n)??0)+1),this.#l[n]="";let o=e.values[n];t!==void 0&&(e.values[n]=t),this.drawNow(),this.#$=this.#$.then(()=>e===this.experiment&&this.#S(e,s,t,o))}async#S(s,t,e,n){let{key:o}=t,a=this.app.lab.now();try{let h=await t.run(s,e);s.note(o,e,a);let p=`${this.#s}.controls.${o}.done`;i(p,h)!==p&&(this.#l[o]=i(p,h??{}))}catch(h){if(s.stopped)return;e!==void 0&&s.values[o]===e&&(s.values[o]=n),this.#l[o]=i("lessons.ui.could-not",{why:q(h)})}let l=this.#n.get(o)-1;l?this.#n.set(o,l):this.#n.delete(o),this.draw()}#z(){if(this.stage!=="try"&&this.stage!=="explained"||this.experiment.stopped||!this.app.live)return;let s=performance.now();if(s<this.#g)return;let t=this.#f;if(t.every(({key:n})=>this.#e[n])){this.#t.live&&this.draw();return}let e=this.experiment.facts();for(let{key:n,seen:o}of t){let a=!this.#e[n]&&o(e,this.experiment);if(!a)continue;this.#e[n]=a;let l=Object.keys(this.#e).length;this.#r=i("lessons.ui.announce",{what:v(i(`${this.#s}.observations.${n}.text`)),n:l,all:t.length}),l===t.length?(this.#r=`${this.#r} ${i("lessons.ui.announce-all")}`,this.#b()):this.stage==="explained"&&this.#b()}this.#g=s+10*(performance.now()-s),this.draw()}#b(){let s=this.#t,t=this.experiment.facts(),e={};for(let[l,h]of Object.entries(this.#e))for(let[p,f]of Object.entries(h))p!=="item"&&p!=="other"&&(e[`${l}.${p}`]=f);let{outcome:n,...o}=s.summary(t,this.#e,this.experiment);for(let[l,h]of Object.entries(o))h!==void 0&&(e[l]=h);this.#u={outcome:n,figures:e},this.#a=s.table?.(t);let a=this.#f.every(({key:l})=>this.#e[l]);if(n){let l=Object.values(this.#e).find(h=>h.item)?.item;this.progress.tell(s.key,{outcome:n,figures:e,item:l,lab:this.app.lab.id,done:a||this.progress.of(s.key).done})}this.stage="explained",this.draw()}#L(s){let{app:t}=this,e=t.trace.find(s);if(!e)return this.#r=i("lessons.ui.gone"),this.draw();let{end:n,span:o}=t.view,a=n??t.lab.now(),l=e.at<=a&&e.at>=a-.8*o;t.set(l&&n!==null?{selected:s}:{selected:s,paused:!0,end:e.at+.4*o});let h=matchMedia("(prefers-reduced-motion: reduce)").matches;document.querySelector("#stage")?.scrollIntoView({block:"nearest",behavior:h?"auto":"smooth"})}template(){return r`<section class="panel lesson" data-lesson=${this.number??c} data-stage=${this.stage} aria-labelledby="lesson-title">
      ${this.number?this.#j():this.#O()}
      <p class="hidden-text" role="status">${this.#r}</p>
    </section>`}#x=s=>this.app.set({lesson:s});#O(){return r`${L({app:this.app,progress:this.progress,deciding:this.#h,decide:()=>this.decide(!this.#h),go:this.#x})}
      ${this.#h?r`<push-decide .progress=${this.progress} .app=${this.app} @forget=${()=>this.draw()}></push-decide>`:c}`}#j(){return r`<header>
        <h2 id="lesson-title" tabindex="-1">${i("lessons.ui.heading",{n:this.number,title:w(d[this.number-1].key)})}</h2>
        ${O({progress:this.progress,current:this.number,go:this.#x})}
      </header>
      ${this.#N()}`}#N(){if(!this.app.live)return r`<p class="note warn">${i("lessons.ui.frozen")}</p>`;if(this.stage==="failed")return r`<p class="note bad" role="alert">${i("lessons.ui.failed",{why:this.#m})}</p>
        <p><button @click=${()=>this.#p(this.number)}>${i("lessons.ui.again")}</button></p>`;if(!this.#t)return r`<p class="intro">${u(i(`${this.#s}.intro`))}</p><p class="small quiet">${i("lessons.ui.preparing")}</p>`;let s=this.experiment&&this.#t.note?.(this.experiment);return r`<div class="columns">
      <div class="predict">
        <p class="intro">${u(i(`${this.#s}.intro`))}</p>
        ${s?r`<p class="note">${i(`${this.#s}.notes.${s.key}`,s)}</p>`:c}
        ${this.#R()}
      </div>
      <div class="try">${this.#U()}</div>
      <div class="watch">${this.#T()}</div>
      ${this.#M()}
    </div>
    ${this.stage==="explained"?this.#V():c}`}#d(s){return s==="unsure"?i("lessons.ui.unsure"):i(`${this.#s}.options.${s}`)}#R(){if(this.#i)return r`<h3>${i("lessons.ui.predict")}</h3>
        <p>${u(i(`${this.#s}.question`))}</p>
        <p class="predicted">${u(i("lessons.ui.predicted",{said:this.#d(this.#i)}))}</p>`;let s=this.stage==="question";return r`<form @submit=${t=>this.#E(t)}>
      <fieldset ?disabled=${!s}>
        <legend><h3>${i("lessons.ui.predict")}</h3> ${u(i(`${this.#s}.question`))}</legend>
        ${[...this.#t.options,"unsure"].map(t=>r`<label>
          <input type="radio" name="prediction" value=${t} .checked=${_(this.#o===t)}
            @change=${()=>{this.#o=t,this.drawNow()}}>
          <span>${u(this.#d(t))}</span></label>`)}
      </fieldset>
      <button class="primary" ?disabled=${!s||!this.#o}>${i("lessons.ui.sure")}</button>
      <span class="small quiet">${s?this.#o?c:i("lessons.ui.choose-first"):i("lessons.ui.preparing")}</span>
    </form>`}#U(){let s=this.stage!=="try"&&this.stage!=="explained",{experiment:t}=this,e=this.#t.controls.filter(({when:n})=>!n||t&&n(t));return r`<h3 tabindex="-1">${i("lessons.ui.try")}</h3>
      ${s?r`<p class="small quiet">${i("lessons.ui.locked")}</p>`:c}
      <div class="controls">${e.map(n=>this.#I(n,s))}</div>
      ${t&&this.#t.live?r`<div class="live">${this.#t.live(t).map(({key:n,...o})=>r`<p>${i(`${this.#s}.live.${n}`,o)}</p>`)}</div>`:c}`}#I(s,t){let{key:e,values:n,href:o}=s,a=`${this.#s}.controls.${e}`,l=i(`${a}.hint`),h=l!==`${a}.hint`,p=this.#n.has(e),f=h?`control-${e}`:c,{experiment:b}=this,g;if(n){let P=b?.values[e]??n[0],E=n.filter($=>!s.offered||b&&s.offered(b,$));g=r`<fieldset ?disabled=${t} aria-describedby=${f}>
        <legend>${i(`${a}.label`)}</legend>
        <span class="switch">${E.map($=>r`<label><input type="radio" name=${`control-${e}`} value=${$}
          .checked=${_($===P)} @change=${()=>this.#y(s,$)}><span>${u(i(`${a}.options.${R($)}`))}</span></label>`)}</span>
      </fieldset>`}else o?g=t?r`<span class="quiet">${i(`${a}.label`)}</span>`:r`<a class="button" href=${o(b)} target="_blank" rel="noopener" aria-describedby=${f}>${i(`${a}.label`)}</a>`:g=r`<button ?disabled=${t} aria-disabled=${p} aria-describedby=${f} @click=${()=>this.#y(s)}>${i(`${a}.label`)}</button>`;return r`<div class="control" data-control=${e}>${g}
      ${h?r`<p class="small quiet" id=${`control-${e}`}>${l}</p>`:c}
      <p class="small result" role="status">${p?i("lessons.ui.busy"):u(this.#l[e]??"")}</p></div>`}#M(){let s=this.experiment&&this.#t.frame?.(this.experiment);return s?r`<iframe title=${i("lessons.ui.frame")} src=${s}></iframe>`:c}#T(){let s=this.#f,t=this.stage==="try"||this.stage==="explained";return r`<h3>${i("lessons.ui.watch")}</h3>
      <p class="small quiet">${i("lessons.ui.watch-hint")}</p>
      <ol class="observations">${s.map(({key:e})=>{let n=this.#e[e],o=i(`${this.#s}.observations.${e}.text`);return r`<li data-observation=${e} class=${n?"is-seen":""}>
          <span class="tick" aria-hidden="true">${n?"\u2713":""}</span>
          <div><p>${u(o)} <span class="state">${n?i("lessons.ui.seen"):i("lessons.ui.open")}</span></p>
          ${n?r`<p class="found">${u(i(`${this.#s}.observations.${e}.seen`,n))}
            ${this.#k(n.item,"show",o)} ${this.#k(n.other,"show-other",o)}</p>`:c}</div></li>`})}</ol>
      ${t&&this.stage!=="explained"?r`<p class="skip"><button class="bare" @click=${()=>this.#b()}>${i("lessons.ui.skip")}</button></p>`:c}`}#k(s,t,e){if(!s)return c;let n=i(`lessons.ui.${t}`);return r`<button class="bare" aria-label=${i("lessons.ui.show-what",{show:n,what:v(e)})} @click=${()=>this.#L(s)}>${n}</button>`}#V(){let s=this.#t,t=this.#s,{figures:e}=this.#u;return r`<div class="explanation">
      <div class="why">
        <h3>${i("lessons.ui.explain")}</h3>
        ${this.#D()}
        ${k(i(`${t}.why`,e))}
        ${this.#K()}
        <h4>${i("lessons.ui.devtools")}</h4>
        <p>${u(i(`${t}.devtools`))}</p>
      </div>
      <div class="after">
        <h3>${i("lessons.ui.quiz")}</h3>
        <push-quiz .name=${s.key} .questions=${s.quiz} .answers=${this.progress.of(s.key).answers??{}}
          @answer=${({detail:{key:n,option:o}})=>this.progress.tell(s.key,{answers:{...this.progress.of(s.key).answers,[n]:o}})}></push-quiz>
        <h3>${i("lessons.ui.read")}</h3>
        <ul class="links">
          ${s.specs.map(({key:n,url:o})=>r`<li><a href=${o} target="_blank" rel="noopener">${i(`${t}.specs.${n}`)}</a></li>`)}
          ${s.code.map(n=>r`<li>${this.#W(n)}</li>`)}
        </ul>
      </div>
      ${s.study?r`<push-study .name=${s.key} .study=${s.study} .lanes=${this.app.lanes} .figures=${e}></push-study>`:c}
      <p class="next">${this.number<d.length?r`<button class="primary" @click=${()=>this.app.set({lesson:this.number+1})}>
          ${i("lessons.ui.next",{title:w(d[this.number].key)})}</button>`:r`<button class="primary" @click=${()=>this.#B()}>${i("lessons.ui.finish")}</button>`}
        <button @click=${()=>this.app.set({lesson:null})}>${i("lessons.ui.leave")}</button></p>
    </div>`}#D(){let{outcome:s,figures:t}=this.#u,e=this.#d(this.#i),n=i(`${this.#s}.fact`,t),o=!/\{[a-z]/i.test(n),a=s?this.#i==="unsure"?"unsure":this.#i===s?"right":"wrong":"open";return r`<p class=${`note verdict ${a==="right"?"good":""}`}>
      ${u(i(`lessons.ui.verdict.${a}`,{said:e,was:s&&this.#d(s)}))} ${s&&o?u(n):c}</p>`}#K(){if(!this.#a)return c;let{lanes:s}=this.app;return r`<div class="scroll-x" tabindex="0" role="region" aria-label=${w(d[this.number-1].key)}><table>
      <caption>${i(`${this.#s}.caption`)}</caption>
      <thead><tr><th scope="col">${i("lessons.ui.lane")}</th>${this.#a[0].cells.map((t,e)=>r`<th scope="col" class="num">${i(`${this.#s}.columns.${e}`)}</th>`)}</tr></thead>
      <tbody>${this.#a.map(({lane:t,cells:e})=>r`<tr data-lane=${t}><th scope="row"><span class="badge" aria-hidden="true">${s.get(t).letter}</span> ${s.get(t).title}</th>
        ${e.map(n=>r`<td class="num">${z(n)}</td>`)}</tr>`)}</tbody></table></div>`}#W({file:s,at:t,page:e}){return e?r`<a href=${new URL(`../${e}`,new URL("../ui/lesson.js",import.meta.url))} target="_blank" rel="noopener"><code>${e}</code></a>`:r`<button class="bare code" @click=${()=>this.#A(s,t)}><code>${s.replace("web/static/","")}: ${t.replace("open.","")}</code></button>`}async#A(s,t){let e=document.querySelector("push-code");await e.show(s,t),e.tabIndex=-1,e.focus({preventScroll:!0}),e.scrollIntoView({block:"start"})}async decide(s){await Promise.all([import("./decide.js"),y(new URL("decide.css",import.meta.url))]),this.#h=s,this.drawNow()}async#B(){this.app.set({lesson:null}),await this.decide(!0),this.querySelector("push-decide h3")?.focus()}};function q({message:m}){let s=i(`lessons.ui.errors.${m}`);return s.startsWith("lessons.")?m:s}function R(m){return m.replace(".","-")}customElements.define("push-lesson",x);
//# sourceMappingURL=lesson.js.map
