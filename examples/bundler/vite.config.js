export default {
  // The development server would put the package into one file, away from the worker that stands beside it.
  optimizeDeps: { exclude: ["rbnet"] },
  // Any folder of a site will do.
  base: "./",
};
