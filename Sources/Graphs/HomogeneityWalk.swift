import Tensors

/// What the homogeneity walk finds: the degree of an output, or the nodes that spoil it.
package struct HomogeneityReport: Sendable {
  /// A node whose output does not scale with the model's input, and why.
  package struct Breaker: Sendable {
    package let node: String
    package let operatorName: String
    package let reason: String
  }

  /// The k of F(ax) = a^k F(x), where it is proved.
  package let degree: Int?
  /// In graph order; empty where the degree is proved.
  package let breakers: [Breaker]
}

extension Graph {
  /// The degree of homogeneity of `output` in some inputs of the graph, by a walk over the nodes.
  ///
  /// Constants and other inputs have degree 0 and these degree 1; each operator says how the degree of its
  /// outputs follows. A node behind a breaker is not reported, unless it breaks by itself.
  package func homogeneity(of output: Value, in scaled: [Value]) -> HomogeneityReport {
    var degrees = [Degree](repeating: .none, count: records.count)
    for input in inputs { degrees[input.index] = .exactly(scaled.contains(input) ? 1 : 0) }
    let isOnPath = valuesThatReach(output)
    for value in values {
      guard let constant = storedConstant(of: value) else { continue }
      degrees[value.index] = constant.isZero ? .zero : .exactly(0)
    }
    var breakers: [HomogeneityReport.Breaker] = []
    for node in nodes where node.outputs.contains(where: { isOnPath[$0.index] }) {
      let degree = degree(of: node, degrees) { reason in
        breakers.append(
          .init(node: node.name, operatorName: node.operatorName, reason: reason))
      }
      for value in node.outputs { degrees[value.index] = carries(degree, value) }
    }
    guard breakers.isEmpty, case .exactly(let degree) = degrees[output.index], degree >= 1 else {
      return HomogeneityReport(degree: nil, breakers: breakers)
    }
    return HomogeneityReport(degree: degree, breakers: [])
  }

  /// The degree of one output of a node. Indices and masks are the same for a scaled input.
  private func carries(_ degree: Degree, _ value: Value) -> Degree {
    guard let type = type(of: value), !type.elementType.isFloatingPoint else { return degree }
    return degree == .none ? .none : .exactly(0)
  }

  private func degree(
    of node: Node, _ degrees: [Degree], report: (String) -> Void
  ) -> Degree {
    // Behind a breaker the degree is unknown. Taking it for 1 there lets the walk find what else
    // breaks, without blaming a sum for what its operands did.
    let isSpoiled = node.inputs.contains { $0.map { degrees[$0.index] == .none } ?? false }
    let operands = node.inputs.map { input in
      input.map { value in
        HomogeneityOperand(
          degrees[value.index] == .none ? .exactly(1) : degrees[value.index],
          constant: storedConstant(of: value) == nil ? nil : constant(of: value))
      }
    }
    do throws(Inhomogeneity) {
      let degree = try node.operation.homogeneity(operands)
      return isSpoiled ? .none : degree
    } catch {
      report(error.description)
      return .none
    }
  }

  private func valuesThatReach(_ output: Value) -> [Bool] {
    var reaches = [Bool](repeating: false, count: records.count)
    reaches[output.index] = true
    for node in nodes.reversed() where node.outputs.contains(where: { reaches[$0.index] }) {
      for case let input? in node.inputs { reaches[input.index] = true }
    }
    return reaches
  }
}
