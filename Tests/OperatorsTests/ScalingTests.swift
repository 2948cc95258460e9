import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// An operator applied to operands of known degrees.
struct Scaling: Sendable, CustomTestStringConvertible {
  let name: String
  var attributes: [String: AttributeValue] = [:]
  let operands: [HomogeneityOperand?]
  /// The degree of the result, or nil where the operator is not homogeneous.
  var degree: Degree?
  /// What the refusal says.
  var reason = ""

  var testDescription: String { "\(name) \(operands.map { $0?.degree.description ?? "none" })" }
}

/// How the elementwise operators and reductions scale with the model's input.
@Suite struct ScalingTests {
  private static let once = HomogeneityOperand(.exactly(1))
  private static let twice = HomogeneityOperand(.exactly(2))
  private static let zero = HomogeneityOperand(.zero, constant: Tensor(scalar: 0.0))

  private static func constant(_ number: Double) -> HomogeneityOperand {
    HomogeneityOperand(.exactly(0), constant: Tensor(scalar: number))
  }

  private static let cases: [Scaling] = [
    Scaling(name: "Relu", operands: [once], degree: .exactly(1)),
    Scaling(name: "LeakyRelu", operands: [twice], degree: .exactly(2)),
    Scaling(name: "PRelu", operands: [once, constant(0.25)], degree: .exactly(1)),
    Scaling(name: "Abs", operands: [once], degree: .exactly(1)),
    Scaling(name: "Max", operands: [once, zero], degree: .exactly(1)),
    Scaling(name: "Max", operands: [once, constant(1)], reason: "adds a constant"),
    Scaling(name: "Add", operands: [once, once], degree: .exactly(1)),
    Scaling(name: "Add", operands: [once, zero], degree: .exactly(1)),
    Scaling(name: "Add", operands: [once, constant(1)], reason: "adds a constant"),
    Scaling(name: "Sub", operands: [once, twice], reason: "combines degrees 1 and 2"),
    Scaling(name: "Mul", operands: [once, twice], degree: .exactly(3)),
    Scaling(name: "Mul", operands: [once, constant(3)], degree: .exactly(1)),
    Scaling(name: "Div", operands: [once, constant(3)], degree: .exactly(1)),
    Scaling(name: "Div", operands: [twice, once], degree: .exactly(1)),
    Scaling(name: "Div", operands: [once, zero], reason: "divides by zero"),
    Scaling(name: "Pow", operands: [once, constant(3)], degree: .exactly(3)),
    Scaling(name: "Pow", operands: [twice, constant(0.5)], degree: .exactly(1)),
    Scaling(name: "Pow", operands: [once, constant(0.5)], reason: "broken"),
    Scaling(name: "Pow", operands: [once, constant(1e18)], reason: "broken"),
    Scaling(name: "Sqrt", operands: [twice], degree: .exactly(1)),
    Scaling(name: "Sqrt", operands: [once], reason: "root of a value of degree 1"),
    Scaling(name: "Clip", operands: [once, constant(0), nil], degree: .exactly(1)),
    Scaling(
      name: "Clip", operands: [once, constant(0), constant(6)], reason: "Clip(0, 6) saturates"),
    Scaling(
      name: "Clip", operands: [once, nil, constant(0.5)], reason: "Clip(-inf, 0.5) saturates"),
    Scaling(name: "Sigmoid", operands: [once], reason: "Sigmoid"),
    Scaling(name: "Sigmoid", operands: [constant(1)], degree: .exactly(0)),
    Scaling(name: "Softmax", operands: [once], reason: "differences"),
    Scaling(name: "Greater", operands: [once, zero], degree: .exactly(0)),
    Scaling(name: "Greater", operands: [once, constant(1)], reason: "do not scale alike"),
    Scaling(name: "Sign", operands: [once], degree: .exactly(0)),
    Scaling(name: "Where", operands: [constant(1), once, zero], degree: .exactly(1)),
    Scaling(name: "ReduceMean", operands: [once, constant(1)], degree: .exactly(1)),
    Scaling(name: "ReduceSumSquare", operands: [once], degree: .exactly(2)),
    Scaling(name: "ReduceL2", operands: [once], degree: .exactly(1)),
    Scaling(name: "LayerNormalization", operands: [once, constant(1)], reason: "deviation"),
    Scaling(name: "LpNormalization", operands: [once], degree: .exactly(0)),
    Scaling(name: "Dropout", operands: [once], degree: .exactly(1)),
    Scaling(name: "ArgMax", operands: [once], degree: .exactly(0)),
  ]

  @Test(arguments: cases)
  func degreeIsAsDerived(scaling: Scaling) throws {
    let type = try #require(
      Registry.operation(named: scaling.name, domain: "", opset: Specification.newestOpset))
    var attributes = Attributes(scaling.attributes, inputCount: scaling.operands.count)
    let operation = try type.init(&attributes)
    do throws(Inhomogeneity) {
      let degree = try operation.homogeneity(scaling.operands)
      #expect(degree == scaling.degree)
    } catch {
      #expect(scaling.degree == nil)
      #expect(error.description.contains(scaling.reason), "\(error)")
    }
  }
}
