import{vendor_lit_html_html as l}from"./app.js";var h=/`([^`]+)`|\*([^*]+)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;function c(t){let e=[],s=0;for(let{0:n,1:r,2:o,3:a,4:i,index:p}of t.matchAll(h))p>s&&e.push(t.slice(s,p)),r?e.push(l`<code>${r}</code>`):o?e.push(l`<em>${o}</em>`):e.push(/^(#|https:\/\/)/.test(i)?l`<a href=${i}>${a}</a>`:a),s=p+n.length;return e.push(t.slice(s)),e}function u(t){return t.replace(h,(e,s,n,r)=>s??n??r)}function m(t){return t.split(`

`).filter(e=>!/\{[a-z][\w.-]*[}|]/i.test(e)).map(e=>l`<p>${c(e)}</p>`)}export{c as a,u as b,m as c};
//# sourceMappingURL=shared-SIKCWZTS.js.map
