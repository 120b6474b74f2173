/**
 * Symbol.dispose where an engine has none yet (Safari, Node before 20): what classes and `using`, lowered by a compiler, look up. Made as
 * compilers' helpers make it, so that both find the same one. Imported for its effect.
 */
if (Symbol.dispose === undefined)
  Object.defineProperty(Symbol, "dispose", { value: Symbol.for("Symbol.dispose"), configurable: true, writable: true });

export {};
