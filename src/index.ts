/** What users import to build, train and export a network. */
export { UserError } from "./errors.js";
