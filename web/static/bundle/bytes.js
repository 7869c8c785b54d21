import"./shared-F2E2MLCH.js";import"./shared-NXH7EVMQ.js";
//# sourceMappingURL=bytes.js.map
