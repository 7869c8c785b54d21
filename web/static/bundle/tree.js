import"./shared-VPKGFMZM.js";import"./shared-NXH7EVMQ.js";
//# sourceMappingURL=tree.js.map
