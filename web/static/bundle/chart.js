import{b as a,c as b}from"./shared-UY3XFAMS.js";import"./shared-SGJ546WB.js";export{b as Chart,a as style};
//# sourceMappingURL=chart.js.map
