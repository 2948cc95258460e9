package import Tensors

/// How a value scales with the model's input: F(ax) = a^k F(x) for every a > 0.
package enum Degree: Hashable, Sendable, CustomStringConvertible {
  /// Zero whatever the input: agrees with every degree.
  case zero
  /// The exponent k; 0 for a value that does not change, such as a constant.
  case exactly(Int)
  /// A value behind a node that is not homogeneous.
  case none

  package var description: String {
    switch self {
    case .zero: "any"
    case .exactly(let degree): String(degree)
    case .none: "none"
    }
  }

  /// Whether the value stays the same when the input is scaled.
  package var isConstant: Bool { self == .zero || self == .exactly(0) }
}

/// An input of a node as the homogeneity walk sees it.
package struct HomogeneityOperand: Sendable {
  package let degree: Degree
  package let constant: Tensor?

  package init(_ degree: Degree, constant: Tensor? = nil) {
    self.degree = degree
    self.constant = constant
  }
}

/// Why the output of a node does not scale with the model's input.
package struct Inhomogeneity: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

extension [HomogeneityOperand?] {
  /// The degree that the operands agree on: the rule of sums, concatenations and maxima.
  package func commonDegree() throws(Inhomogeneity) -> Degree {
    var common = Degree.zero
    for case let operand? in self {
      switch (common, operand.degree) {
      case (_, .zero): continue
      case (.zero, let degree): common = degree
      case (let a, let b) where a == b: continue
      case (.exactly(0), let other), (let other, .exactly(0)):
        throw Inhomogeneity("adds a constant to a value of degree \(other)")
      case (let a, let b): throw Inhomogeneity("combines degrees \(a) and \(b)")
      }
    }
    return common
  }

  /// The degree of the first operand: the rule of operators that scale with their only input, the
  /// other ones being constants.
  package func firstDegree() throws(Inhomogeneity) -> Degree {
    for case let operand? in dropFirst() where !operand.degree.isConstant {
      throw Inhomogeneity("an operand that should be constant depends on the model's input")
    }
    return first??.degree ?? .zero
  }

  /// The sum of the degrees: the rule of products.
  package func productDegree() -> Degree {
    var sum = 0
    for case let operand? in self {
      switch operand.degree {
      case .zero: return .zero
      case .exactly(let degree): sum += degree
      case .none: return .none
      }
    }
    return .exactly(sum)
  }

  /// Degree 0 where every operand is constant: the rule of operators that are not homogeneous.
  package func constantDegree(or reason: String) throws(Inhomogeneity) -> Degree {
    for case let operand? in self where !operand.degree.isConstant { throw Inhomogeneity(reason) }
    return .exactly(0)
  }
}
