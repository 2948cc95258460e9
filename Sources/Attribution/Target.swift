package import Graphs
import Operators

/// Which score of a model is attributed.
public enum Target: Sendable, Hashable {
  /// The largest score at the input.
  case argmax
  /// So many of the largest scores, from the largest on.
  case top(Int)
  /// The score with this index, in the order of the output's elements.
  case index(Int)
  /// The score of the class with this label.
  case label(String)
  /// How much larger one score is than another: what speaks for the one and against the other.
  indirect case margin(Target, Target)
}

/// Where in a model the scores are read.
public enum TargetSpace: Sendable, Hashable {
  /// At the first output, or before its Softmax if it ends in one.
  case logit
  /// At the first output, behind its Softmax, which is added if it ends in none.
  case softmax
  /// At the output or inner value with this name.
  case output(String)
}

extension TargetSpace: CustomStringConvertible {
  /// The name on the command line.
  public var description: String {
    switch self {
    case .logit: "logit"
    case .softmax: "softmax"
    case .output(let name): name
    }
  }

  /// The space with this name on the command line.
  public init(_ name: String) {
    self =
      switch name {
      case "logit": .logit
      case "softmax": .softmax
      default: .output(name)
      }
  }
}

/// The value of a graph that holds the scores, and what was left out to reach it.
package struct ScoreValue: Sendable {
  package let value: Value
  /// The name of the final node that is left out, where one is.
  package let omitted: String?
}

extension Graph {
  /// Where the scores of a target space are.
  ///
  /// - Throws: `ModelError` if no output has the name asked for.
  package func scores(in space: TargetSpace) throws(ModelError) -> ScoreValue {
    guard let first = outputs.first else { throw ModelError("the model has no output") }
    switch space {
    case .logit: return logits(behind: first)
    case .softmax: return ScoreValue(value: first, omitted: nil)
    case .output(let name):
      if let output = outputs.first(where: { self.name(of: $0) == name }) {
        return ScoreValue(value: output, omitted: nil)
      }
      let names = outputs.map { self.name(of: $0) }.joined(separator: ", ")
      return ScoreValue(
        value: try layer(named: name, role: "output or layer", hint: "; its outputs are \(names)"),
        omitted: nil)
    }
  }

  /// Whether the first output is a Softmax, looking through nodes that only reshape.
  package var endsInSoftmax: Bool {
    outputs.first.map { finalSoftmax(of: $0) != nil } ?? false
  }

  /// The model with a Softmax behind its scores, if it ends in none.
  ///
  /// The elements of a sample are its scores, whatever dimensions they have.
  package func endingInSoftmax() throws(ModelError) -> Graph {
    guard let first = outputs.first else { throw ModelError("the model has no output") }
    guard !endsInSoftmax else { return self }
    var builder = GraphBuilder(self)
    let name = name(of: first)
    let rank = declaredType(of: first)?.dimensions?.count
    let rows =
      rank == 1
      ? first
      : builder.appendUntyped(
        Flatten(), [first], name: "scores in rows", outputNames: ["\(name) in rows"])[0]
    let softmax = builder.appendUntyped(
      Softmax(axis: -1), [rows], name: "softmax", outputNames: ["softmax of \(name)"])[0]
    builder.setOutputs([softmax] + outputs.dropFirst())
    return builder.graph
  }

  /// Whether scores are probabilities already: what a Softmax gives, reshaped at most.
  func areProbabilities(_ scores: Value) -> Bool {
    finalSoftmax(of: scores)?.node.operatorName == "Softmax"
  }

  /// The input of the Softmax that `output` ends in.
  private func logits(behind output: Value) -> ScoreValue {
    guard let (node, input) = finalSoftmax(of: output) else {
      return ScoreValue(value: output, omitted: nil)
    }
    return ScoreValue(value: input, omitted: node.name)
  }

  /// The Softmax that `output` ends in, and its input, looking through nodes that only reshape.
  private func finalSoftmax(of output: Value) -> (node: Node, input: Value)? {
    let producers = producers
    var value = output
    while let index = producers[value.index], let input = nodes[index].inputs.first ?? nil {
      switch nodes[index].operatorName {
      case "Softmax", "LogSoftmax": return (nodes[index], input)
      case "Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout", "Cast":
        value = input
      default: return nil
      }
    }
    return nil
  }
}
