export const openAzure = undefined as never;
