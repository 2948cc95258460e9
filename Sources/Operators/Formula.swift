package import Graphs
package import Tensors

/// Arithmetic on values that is written down first and appended to a graph afterwards, so that a
/// derivative reads as it does in a table.
///
/// A formula that is used twice is computed once.
package final class Formula: Sendable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  fileprivate enum Content {
    case value(Value)
    case number(Double)
    case integers([Int])
    case node(any Operator, [Formula])
  }

  fileprivate let content: Content

  private init(_ content: Content) { self.content = content }

  /// A value that stands in the graph already.
  package convenience init(_ value: Value) { self.init(.value(value)) }

  /// A constant scalar, of the element type that the gradient has.
  package convenience init(_ number: Double) { self.init(.number(number)) }

  /// An operator of one output applied to formulas.
  package convenience init(_ operation: any Operator, _ operands: Formula...) {
    self.init(.node(operation, operands))
  }

  /// An operator of one output applied to a list of formulas.
  package convenience init(_ operation: any Operator, operands: [Formula]) {
    self.init(.node(operation, operands))
  }

  package convenience init(floatLiteral number: Double) { self.init(number) }
  package convenience init(integerLiteral number: Int) { self.init(Double(number)) }
}

extension Formula {
  package static func + (a: Formula, b: Formula) -> Formula { Formula(Add(), a, b) }
  package static func - (a: Formula, b: Formula) -> Formula { Formula(Sub(), a, b) }
  package static func * (a: Formula, b: Formula) -> Formula { Formula(Mul(), a, b) }
  package static func / (a: Formula, b: Formula) -> Formula { Formula(Div(), a, b) }
  package static prefix func - (a: Formula) -> Formula { Formula(Neg(), a) }
  package static func < (a: Formula, b: Formula) -> Formula { Formula(Less(), a, b) }
  package static func > (a: Formula, b: Formula) -> Formula { Formula(Greater(), a, b) }
  package static func >= (a: Formula, b: Formula) -> Formula { Formula(GreaterOrEqual(), a, b) }
  package static func <= (a: Formula, b: Formula) -> Formula { Formula(LessOrEqual(), a, b) }
  package static func == (a: Formula, b: Formula) -> Formula { Formula(Equal(), a, b) }
  package static func && (a: Formula, b: Formula) -> Formula { Formula(And(), a, b) }

  /// The same elements under another shape.
  package func reshaped(to shape: Shape) -> Formula {
    let extents = Formula(.integers(shape.dimensions))
    return Formula(Reshape(allowsZero: true), self, extents)
  }

  /// The sum over the dimensions that `shape` was stretched along.
  package func summed(to shape: Shape) -> Formula { Formula(SumToShape(shape), self) }

  /// This formula where `condition` holds, `other` elsewhere.
  package func `where`(_ condition: Formula, else other: Formula) -> Formula {
    Formula(Where(), condition, self, other)
  }
}

extension GradientContext {
  /// Appends the nodes of a formula and gives its value; numbers take the element type of `like`.
  package mutating func append(
    _ formula: Formula, numbersLike value: Value
  ) throws(OperatorError) -> Value {
    var known: [ObjectIdentifier: Value] = [:]
    return try append(formula, numbersLike: value, &known)
  }

  private mutating func append(
    _ formula: Formula, numbersLike model: Value, _ known: inout [ObjectIdentifier: Value]
  ) throws(OperatorError) -> Value {
    if let value = known[ObjectIdentifier(formula)] { return value }
    let value: Value
    switch formula.content {
    case .value(let existing): value = existing
    case .number(let number): value = try scalar(number, like: model)
    case .integers(let numbers): value = integers(numbers)
    case .node(let operation, let operands):
      var inputs: [Value?] = []
      for operand in operands {
        inputs.append(try append(operand, numbersLike: model, &known))
      }
      value = try builder.append(
        operation, inputs, name: "\(node.name)/gradient", outputNames: [])[0]
    }
    known[ObjectIdentifier(formula)] = value
    return value
  }
}
