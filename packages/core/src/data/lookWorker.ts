/** Entry of the second thread that compares files with their record while the first does the same. */
import { workerData } from "node:worker_threads";
import { type RowShare, scanRows } from "./rowScan.ts";

scanRows(workerData as RowShare);
