import Graphs

/// Which gradient a step along a way of inputs is multiplied by.
package enum StepRule: String {
  /// Its mean over the step where the model allows it, else that at the first point.
  case automatic
  /// Its mean over the step.
  case secant
  /// That at the first point, as the authors of the methods have it.
  case left

  static let usage = "[:quadrature=secant|left]"

  init(_ settings: inout MethodSettings) throws(ModelError) {
    guard let name = settings.string("quadrature") else {
      self = .automatic
      return
    }
    guard let rule = StepRule(rawValue: name), rule != .automatic else {
      throw settings.error("the quadrature is secant or left, not '\(name)'")
    }
    self = rule
  }

  /// The settings of an item that mean this.
  var settings: String { self == .automatic ? "" : ":quadrature=\(rawValue)" }
}
