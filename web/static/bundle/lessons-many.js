import{b as a,c as b}from"./shared-KR3ES7P7.js";import"./shared-AZ7A2W3R.js";import"./shared-AV7XJUWD.js";export{b as lesson,a as named};
//# sourceMappingURL=lessons-many.js.map
