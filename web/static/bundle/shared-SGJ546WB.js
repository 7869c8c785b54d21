var a={longpoll:[6,4],httpstream:[],sse:[2,3],websocket:[10,3,2,3]},n=(t,e)=>e.map(s=>Math.abs(Math.log10(s)-Math.round(Math.log10(s)))<1e-9?s:null),h=(t,e)=>({stroke:t.quiet,font:`${.6875*t.rem}px ${t.sans}`,grid:{stroke:t.line,width:1},ticks:{stroke:t.line,width:1,size:4},values:e});export{a,n as b,h as c};
//# sourceMappingURL=shared-SGJ546WB.js.map
