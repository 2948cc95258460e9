package import Kernels
package import Tensors

/// Why an operator refuses its attributes or operands. It knows no graph: importer and interpreter
/// add file, node and operand types.
package typealias OperatorError = KernelError

/// An ONNX operator with its attributes: one type for each meaning that an operator has had.
///
/// A conforming type is everything the program knows of the operator. Types are listed in
/// `Registry.operators`; the examples drive the tests, so an operator without a check does not
/// compile.
package protocol Operator: Sendable {
  /// Name, domain, opset range and arity.
  static var specification: Specification { get }

  /// Small cases with known results, from which the tests of the operator are made.
  static var examples: [Example] { get }

  /// Reads the attributes of a node. What is left over fails the import.
  init(_ attributes: inout Attributes) throws(OperatorError)

  /// The types of all outputs.
  ///
  /// - Parameter inputs: one operand per input; nil where an optional one is left out.
  func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType]

  /// Computes the outputs from inputs that passed `infer`.
  func forward(_ inputs: [Tensor?], in workspace: Workspace) throws(OperatorError) -> [Tensor]

  /// Appends the nodes that compute the gradient of each input from those of the outputs.
  ///
  /// - Returns: one value per input, of the input's shape or of the shape it was broadcast to; nil
  ///   for an input that carries no gradient on purpose, such as indices, or is not wanted.
  /// - Throws: if the rule for a wanted input is not defined.
  func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?]

  /// The degree of the outputs: F(ax) = a^k F(x) for every a > 0.
  ///
  /// - Throws: with the reason, if the operator is not homogeneous in these operands.
  func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree

  /// Whether `forward` takes inputs in any layout. Others are given row-major tensors.
  var acceptsAnyLayout: Bool { get }
}

extension Operator {
  package var acceptsAnyLayout: Bool { false }
}

/// What identifies an operator: its name in a domain, the opsets that give it this meaning, and how
/// many inputs and outputs it takes.
package struct Specification: Sendable {
  package let name: String
  package let domain: String
  package let opsets: ClosedRange<Int>
  package let inputs: ClosedRange<Int>
  package let outputs: ClosedRange<Int>

  /// The newest opset whose operators this program has been checked against.
  package static let newestOpset = 27

  /// The domain of operators that only this program builds, gradients mostly.
  package static let internalDomain = "ascribe"

  package init(
    _ name: String, opsets: ClosedRange<Int> = 1...newestOpset, inputs: ClosedRange<Int>,
    outputs: ClosedRange<Int> = 1...1
  ) {
    self.name = name
    self.domain = ""
    self.opsets = opsets
    self.inputs = inputs
    self.outputs = outputs
  }

  /// An operator that no file holds: the importer does not find it.
  package init(internal name: String, inputs: ClosedRange<Int>, outputs: ClosedRange<Int> = 1...1) {
    self.name = name
    self.domain = Self.internalDomain
    self.opsets = 1...Self.newestOpset
    self.inputs = inputs
    self.outputs = outputs
  }

  /// A count of inputs or outputs without limit, as of `Concat`.
  package static let many = 1...Int(Int32.max)
}

extension [Tensor?] {
  /// The input at `index`, which the operator cannot do without.
  package func required(_ index: Int) throws(OperatorError) -> Tensor {
    guard index < count, let tensor = self[index] else {
      throw OperatorError("input \(index) is missing")
    }
    return tensor
  }

  /// The input at `index`, where it is there.
  package func optional(_ index: Int) -> Tensor? { index < count ? self[index] : nil }
}

extension [Operand?] {
  /// The operand at `index`, which the operator cannot do without.
  package func required(_ index: Int) throws(OperatorError) -> Operand {
    guard index < count, let operand = self[index] else {
      throw OperatorError("input \(index) is missing")
    }
    return operand
  }

  /// The operand at `index`, where it is there.
  package func optional(_ index: Int) -> Operand? { index < count ? self[index] : nil }
}
