import{b as a,c as b}from"./shared-7PI2TTYD.js";import"./shared-AV7XJUWD.js";import"./shared-AZ7A2W3R.js";export{b as lesson,a as named};
//# sourceMappingURL=lessons-many.js.map
