/** Entry of the second thread that compares files with their record while the first does the same. */
import { workerData } from "node:worker_threads";
import { type RowShare, scanRows } from "./rowScan.ts";

const share = workerData as RowShare;
const { buffer, byteOffset, byteLength } = share.names;
scanRows(share, Buffer.from(buffer, byteOffset, byteLength).toString("utf8").split("\0"));
