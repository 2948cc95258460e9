import Graphs
import Kernels
import Operators
import Tensors

/// The graph of a score's gradient and of all that it is made of beside the input: terms whose sum, with
/// that of input times gradient, is the score.
///
/// By Euler's theorem a node that scales with its operands passes on what reaches it. One that adds a
/// constant keeps the constant times the gradient there; any other, such as a Sigmoid, keeps its output
/// times the gradient less its operands times theirs: its implicit bias (Srinivas and Fleuret, 2019,
/// arXiv 1905.00780, section 3.2).
struct BiasTerms: Sendable {
  /// A part of the score that stands at the places of an inner value.
  struct Term: Sendable {
    /// Whether it is taken away.
    let isNegative: Bool
    /// Whether its dimensions behind those of batch and channels are places, as in a convolution.
    let isFeatureMap: Bool
  }

  /// Inputs: those of the model and the seed. Outputs: the scores, the gradient of the input, the terms.
  let graph: Graph
  let terms: [Term]

  /// - Parameter model: a specialised graph of one output, the scores.
  init(_ model: Graph, of input: Value) throws(ModelError) {
    let varies = model.floatsThatDepend(on: input)
    let keepers = model.nodes.filter { node in
      model.varying(node, varies).contains(true) && !model.scales(node, varies)
    }
    let places = keepers.flatMap { node in node.outputs.filter { varies[$0.index] } }
    let gradient = try model.gradient(
      of: model.outputs[0], withRespectTo: [input] + places)
    guard gradient.arrives[0] || !model.depends(model.outputs[0], on: input) else {
      throw ModelError(noGradientOf: model.outputs[0], reaching: input, in: model)
    }
    var arrived: [Value: Value] = [:]
    for (place, (value, arrives)) in zip(
      places, zip(gradient.gradients, gradient.arrives).dropFirst()) where arrives
    {
      arrived[place] = value
    }
    let featureMaps = model.featureMaps
    var (values, terms): ([Value], [Term]) = ([], [])
    var builder = GraphBuilder(gradient.graph)
    for node in keepers {
      do throws(OperatorError) {
        for part in try builder.parts(of: node, model.varying(node, varies), arrived) {
          values.append(part.value)
          terms.append(
            Term(
              isNegative: part.isNegative,
              isFeatureMap: part.place.map { featureMaps[$0.index] } ?? false))
        }
      } catch {
        throw ModelError(error.description, node: node.label(opset: model.opset))
      }
    }
    builder.setOutputs([model.outputs[0], gradient.gradients[0]] + values)
    self.graph = builder.graph.withoutDeadNodes()
    self.terms = terms
  }
}

/// A part of a score, and the value whose places it stands at.
private struct Part {
  let value: Value
  var isNegative = false
  let place: Value?
}

extension GraphBuilder {
  /// What a node keeps of the score.
  ///
  /// - Parameters:
  ///   - varying: per input of the node whether it depends on the explained input.
  ///   - arrived: the gradients of outputs of nodes.
  fileprivate mutating func parts(
    of node: Node, _ varying: [Bool], _ arrived: [Value: Value]
  ) throws(OperatorError) -> [Part] {
    let outputGradients = node.outputs.map { arrived[$0] }
    guard let output = node.outputs.first, outputGradients.contains(where: { $0 != nil }) else {
      return []
    }
    switch node.operatorName {
    case "Conv", "ConvTranspose":
      guard varying == [true, false, false], let bias = node.inputs[2],
        let gradient = outputGradients[0]
      else { break }
      return [
        Part(value: try append(Mul(), gradient, try alongChannels(bias, of: output)), place: output)
      ]
    case "Gemm", "Add", "Sub", "Sum":
      guard node.operatorName != "Gemm" || varying.prefix(2).count(where: \.self) == 1 else {
        break
      }
      let wanted = varying.enumerated().map { place, varies in
        !varies && (place > 1 || node.operatorName != "Gemm")
      }
      let gradients = try appendGradient(of: node, outputGradients, wanted: wanted)
      var parts: [Part] = []
      for (place, gradient) in gradients.enumerated() where wanted[place] {
        guard let gradient, let constant = node.inputs[place] else { continue }
        parts.append(Part(value: try append(Mul(), gradient, constant), place: output))
      }
      return parts
    default: break
    }
    var parts: [Part] = []
    for (output, gradient) in zip(node.outputs, outputGradients) {
      guard let gradient else { continue }
      parts.append(Part(value: try append(Mul(), gradient, output), place: output))
    }
    let gradients = try appendGradient(of: node, outputGradients, wanted: varying)
    for (place, gradient) in gradients.enumerated() where varying[place] {
      guard let gradient, let operand = node.inputs[place] else { continue }
      parts.append(
        Part(value: try append(Mul(), gradient, operand), isNegative: true, place: operand))
    }
    return parts
  }

  /// A vector of one number for each channel, to be stretched over an output.
  private mutating func alongChannels(
    _ bias: Value, of output: Value
  ) throws(OperatorError) -> Value {
    let rank = graph.type(of: output)?.shape.rank ?? 2
    let shape = [1, -1] + [Int64](repeating: 1, count: max(rank - 2, 0))
    return try append(Reshape(), bias, constant(Tensor(shape)))
  }
}

extension Graph {
  /// By value index, whether a value is computed from `input` through floating-point values alone, as
  /// gradients flow.
  fileprivate func floatsThatDepend(on input: Value) -> [Bool] {
    var depends = [Bool](repeating: false, count: records.count)
    depends[input.index] = true
    for node in nodes
    where node.inputs.contains(where: { $0.map { depends[$0.index] } ?? false }) {
      for output in node.outputs {
        depends[output.index] = type(of: output)?.elementType.isFloatingPoint ?? false
      }
    }
    return depends
  }

  fileprivate func varying(_ node: Node, _ varies: [Bool]) -> [Bool] {
    node.inputs.map { $0.map { varies[$0.index] } ?? false }
  }

  /// Whether the outputs of a node scale with those of its inputs that vary, by its own rule.
  fileprivate func scales(_ node: Node, _ varies: [Bool]) -> Bool {
    let operands = node.inputs.map { input in
      input.map { value in
        let constant = storedConstant(of: value) == nil ? nil : constant(of: value)
        let degree: Degree =
          varies[value.index] ? .exactly(1) : constant?.isZero ?? false ? .zero : .exactly(0)
        return HomogeneityOperand(degree, constant: constant)
      }
    }
    let degree = try? node.operation.homogeneity(operands)
    return degree == .exactly(1) || degree == .zero
  }

  /// By value index, whether a value has places behind its batch and channels: what convolutions and
  /// poolings give, and what keeps their places.
  fileprivate var featureMaps: [Bool] {
    var isMap = [Bool](repeating: false, count: records.count)
    for node in nodes {
      guard let output = node.outputs.first, let shape = type(of: output)?.shape, shape.rank > 2
      else { continue }
      let keepsPlaces = node.inputs.contains { input in
        guard let input, isMap[input.index], let before = type(of: input)?.shape else {
          return false
        }
        return before.rank == shape.rank
          && before.dropFirst(2).elementsEqual(shape.dropFirst(2))
      }
      isMap[output.index] =
        Self.makers.contains(node.operatorName)
        || keepsPlaces
          && !["MatMul", "Reshape", "Softmax", "Transpose"].contains(node.operatorName)
    }
    return isMap
  }

  private static let makers: Set = [
    "AveragePool", "Conv", "ConvTranspose", "MaxPool", "Resize", "Upsample",
  ]
}
