import Graphs

/// Which gradient a step along a way of inputs is multiplied by.
package enum StepRule: String {
  /// As `secant` if the model allows it, else as `trapezoid`.
  case automatic
  /// Its mean over the step, so that products add up at any number of steps.
  case secant
  /// The mean of those at both ends.
  case trapezoid
  /// That at the first point, as the authors of the methods have it.
  case left

  static let usage = "[:quadrature=RULE]"

  init(_ settings: inout MethodSettings) throws(ModelError) {
    guard let name = settings.string("quadrature") else {
      self = .automatic
      return
    }
    guard let rule = StepRule(rawValue: name), rule != .automatic else {
      throw settings.error("the quadrature is secant, trapezoid or left, not '\(name)'")
    }
    self = rule
  }

  /// The settings of an item that mean this.
  var settings: String { self == .automatic ? "" : ":quadrature=\(rawValue)" }
}
