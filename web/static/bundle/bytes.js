import"./shared-LQNEPOD2.js";import"./shared-NXH7EVMQ.js";
//# sourceMappingURL=bytes.js.map
