// All that visit.ts needs of Node.
declare const process: { argv: string[] };
