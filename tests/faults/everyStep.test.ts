import { describeEveryStep } from "../support/everyStep.ts";

describeEveryStep(0, 2);
