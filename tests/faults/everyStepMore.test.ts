import { describeEveryStep } from "../support/everyStep.ts";

describeEveryStep(1, 2);
