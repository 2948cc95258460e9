/// How often a model was evaluated, counted in points.
public struct Passes: Sendable, Hashable, Codable {
  /// Evaluations of the model.
  public var forward = 0
  /// Evaluations of its gradient.
  public var backward = 0

  /// No evaluations, or so many.
  public init(forward: Int = 0, backward: Int = 0) {
    self.forward = forward
    self.backward = backward
  }

  package static func += (a: inout Passes, b: Passes) {
    a.forward += b.forward
    a.backward += b.backward
  }

  package static func + (a: Passes, b: Passes) -> Passes {
    Passes(forward: a.forward + b.forward, backward: a.backward + b.backward)
  }

  package static func - (a: Passes, b: Passes) -> Passes {
    var difference = Passes()
    difference.forward = a.forward - b.forward
    difference.backward = a.backward - b.backward
    return difference
  }

  /// What one of several maps costs that share forward passes: the first all of those, each an equal part
  /// of the backward ones.
  func share(_ number: Int, of count: Int) -> Passes {
    Passes(forward: number == 0 ? forward : 0, backward: backward / max(count, 1))
  }
}
