import ArgumentParser
import Ascribe
import Foundation

/// `ascribe inspect`: what a model file holds.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what a model holds, whether it is supported and whether it is homogeneous.",
    usage: "ascribe inspect [--layers] [--json] <model>",
    discussion: """
      A homogeneous model, one without biases, is explained exactly by one gradient: method xg of \
      ascribe attribute.
      """)

  @Argument(help: "An .onnx file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Flag(help: "List the inner values that attribute --layer may name.")
  var layers = false

  @Flag(help: "Print one JSON value in place of lines.")
  var json = false

  func run() throws {
    let url = URL(filePath: model)
    if layers { return try printLayers(of: Model(contentsOf: url)) }
    let summary = try ModelSummary(contentsOf: url)
    if json { return try Console.print(json: summary) }
    printSummary(summary)
  }

  private func printLayers(of model: Model) throws {
    if json { return try Console.print(json: model.layers.map(\.name)) }
    print(Console.table(model.layers.map { [$0.operatorName, $0.name] }))
  }

  private func printSummary(_ summary: ModelSummary) {
    let opsets = summary.opsets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    var rows = [
      ["format", "IR version \(summary.irVersion), opset \(opsets.joined(separator: ", "))"],
      ["producer", summary.producer.isEmpty ? "unknown" : summary.producer],
    ]
    rows += summary.inputs.map { ["input", "\($0.name): \($0.type)"] }
    rows += summary.outputs.map { ["output", "\($0.name): \($0.type)"] }
    let bytes = Console.bytes(summary.parameterBytes)
    rows.append(["parameters", "\(Console.count(summary.parameters)) (\(bytes))"])
    let operators = summary.operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    rows.append(["operators", operators.map { "\($0.key) \($0.value)" }.joined(separator: ", ")])
    if let biases = summary.biases {
      let elements = Console.count(biases.elements)
      rows.append(["biases", "\(biases.count) tensors, \(elements) numbers"])
    }
    rows.append(["homogeneous", homogeneity(summary)])
    rows.append(["supported", summary.unsupported.isEmpty ? "yes" : "no"])
    print(Console.table(rows))
    for node in summary.unsupported {
      print("  node '\(node.node)' (\(node.operator)): \(node.reason)")
    }
  }

  private func homogeneity(_ summary: ModelSummary) -> String {
    guard let homogeneity = summary.homogeneity else { return "unknown" }
    if let degree = homogeneity.degree { return "yes, of degree \(degree)" }
    guard let first = homogeneity.breakers.first else { return "no" }
    let more = homogeneity.breakers.count - 1
    let rest = more > 0 ? " (and \(more) more; --json lists them)" : ""
    return "no: '\(first.node)' (\(first.operator)) \(first.reason)\(rest)"
  }
}
