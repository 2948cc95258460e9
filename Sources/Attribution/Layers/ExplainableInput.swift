package import Graphs
import Kernels
import Tensors

extension Graph {
  /// Refuses an input that gets no attribution: one of integers, or one that the scores do not depend on.
  ///
  /// - Parameter option: what explains an inner value in its place.
  /// - Throws: `ModelError` that names that inner value, where there is one.
  package func requireExplainable(
    _ input: Value, from scores: Value, option: String = "ascribe attribute --layer"
  ) throws(ModelError) {
    guard let type = declaredType(of: input)?.elementType else {
      throw ModelError("input '\(name(of: input))' has no type")
    }
    guard type.isFloatingPoint else {
      let layer = firstFloatingValue(behind: input, before: scores)
      throw ModelError(
        "input '\(name(of: input))' holds \(type), which gets no attribution; "
          + (layer.map { "explain what is computed from it: \(option) '\($0)'" }
            ?? "explain an inner value of floating-point numbers with \(option)"),
        kind: .usage)
    }
    guard depends(scores, on: input) else {
      throw ModelError(noGradientOf: scores, reaching: input, in: self)
    }
  }

  /// The name of the first value of floating-point numbers that is computed from an input on the way to
  /// the scores.
  private func firstFloatingValue(behind input: Value, before scores: Value) -> String? {
    guard let typed = try? specializedToDefaults(in: Workspace()),
      let root = typed.value(named: name(of: input))
    else { return nil }
    for value in nodes.flatMap(\.outputs) where depends(value, on: input) {
      let name = name(of: value)
      guard let known = typed.value(named: name), typed.storedConstant(of: known) == nil,
        typed.type(of: known)?.elementType.isFloatingPoint ?? false,
        typed.depends(known, on: root), depends(scores, on: value)
      else { continue }
      return name
    }
    return nil
  }
}
