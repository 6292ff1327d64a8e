"use strict";
// Loaded before the program: writes what it cost, as JSON, to the file that HOLDFAST_COST names.
process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const cost = { seconds: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS / 1024 };
  require("node:fs").writeFileSync(process.env.HOLDFAST_COST, JSON.stringify(cost));
});
