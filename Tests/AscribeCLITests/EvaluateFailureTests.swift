import Foundation
import Tensors
import TestSupport
import Testing

/// Evaluations that cannot be done.
struct EvaluateFailureTests {
  private let scratch: Scratch
  private let output: String

  init() throws {
    scratch = try Scratch()
    output = scratch.path + "/r.sqlite"
  }

  /// A folder of pictures, in subfolders where the names have some.
  private func pictures(_ names: String...) throws -> String {
    for name in names { try scratch.write("data/" + name, bytes(of: Program.star)) }
    return scratch.path + "/data"
  }

  private func refuses(
    _ options: [String], _ data: String, code: Int32, saying parts: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let methods = options.contains("--methods") ? [] : ["--methods", "gradient"]
    try fails(
      ["evaluate", Program.shapes, "--data", data, "--output", output] + methods + options,
      code: code, saying: parts, sourceLocation: sourceLocation)
    #expect(scratch.names().allSatisfy { !$0.hasSuffix(".lock") }, sourceLocation: sourceLocation)
  }

  @Test(arguments: ["accuracy", "contrast"]) func labelsThatAreMissing(metric: String) throws {
    try refuses(
      ["--metrics", metric], pictures("a.png"), code: 64,
      saying: ["metric '\(metric)' needs labels", "labels.csv"])
    try refuses(
      ["--target", "label", "--metrics", "kpm"], pictures("a.png"), code: 64,
      saying: ["--target label needs labels"])
  }

  /// Metrics that nobody asked for are left out with a note.
  @Test func theDefaultNeedsNoLabels() throws {
    let outcome = try Program.run([
      "evaluate", Program.shapes, "--data", try pictures("a.png", "b.png"), "--methods", "gradient",
      "--output", output,
    ])
    #expect(outcome.code == 0)
    #expect(outcome.errors.contains("note: accuracy left out: the samples have no labels"))
  }

  @Test func classesThatAreNotTheModels() throws {
    try refuses(
      [], pictures("x/a.png", "y/b.png"), code: 65, saying: ["2 classes", "10 scores"])
    try scratch.write("data/labels.csv", "file,label\nx/a.png,star\ny/b.png,house\n")
    try refuses([], scratch.path + "/data", code: 65, saying: ["labels.csv", "'house' is none of"])
  }

  @Test func masksThatAreMissing() throws {
    let data = try pictures("a.png")
    try refuses(["--metrics", "pointing"], data, code: 64, saying: ["needs masks", "--masks"])
    try refuses(
      ["--metrics", "pointing", "--masks", scratch.path + "/none"], data, code: 66,
      saying: ["no such folder"])
    try refuses(
      ["--metrics", "pointing", "--masks", scratch.path], data, code: 66,
      saying: ["there is no mask for 'a.png'"])
  }

  /// A mask that is not the picture's fails that picture.
  @Test func masksOfAnotherSize() throws {
    let data = try pictures("a.png", "b.png")
    try scratch.write(
      "masks/a.png", bytes(of: Program.packageRoot + "/models/shapes/masks/star/000.png"))
    try scratch.write(
      "masks/b.png",
      bytes(of: Program.packageRoot + "/Tests/EvaluationTests/Golden/grey.png"))
    try succeeds([
      "evaluate", Program.shapes, "--data", data, "--methods", "gradient", "--metrics", "pointing",
      "--masks", scratch.path + "/masks", "--output", output, "--quiet",
    ])
    #expect(try succeeds(["summary", output]).output.contains("b.png: its mask has "))
  }

  /// The mask of a row has its size and is not cropped, whatever preset pictures would get.
  @Test func masksOfRows() throws {
    let numbers: [Float] = (0..<24576).map { (place: Int) in Float(place * 7919 % 1009) }
    let data = try scratch.write("x.npy", Tensor(numbers, shape: [2, 3, 64, 64]).npyData())
    let mask = try bytes(of: Program.packageRoot + "/models/shapes/masks/star/000.png")
    for row in 0...1 { try scratch.write("masks/row-00000\(row).png", mask) }
    let bare = try scratch.write("bare/shapes.onnx", bytes(of: Program.shapes))
    var summaries: Set<String> = []
    for (number, model) in [Program.shapes, bare].enumerated() {
      let output = scratch.path + "/\(number).sqlite"
      try succeeds([
        "evaluate", model, "--data", data, "--methods", "gradient", "--metrics", "relevance-mass",
        "--masks", scratch.path + "/masks", "--output", output, "--quiet",
      ])
      summaries.insert(try succeeds(["summary", output]).output)
    }
    #expect(summaries.count == 1, "\(summaries)")
    try scratch.write(
      "masks/row-000001.png",
      bytes(of: Program.packageRoot + "/Tests/EvaluationTests/Golden/grey.png"))
    try succeeds([
      "evaluate", bare, "--data", data, "--methods", "gradient", "--metrics", "pointing", "--masks",
      scratch.path + "/masks", "--output", output, "--quiet",
    ])
    let text = try succeeds(["summary", output]).output
    #expect(
      text.contains("row-000001: its mask has ") && text.contains("the sample 64x64"), "\(text)")
  }

  /// What stopped a strict run is not recorded, so it stops again.
  @Test func strictRunsStopEachTime() throws {
    let data = try pictures("a.png", "c.png")
    try scratch.write("data/b.png", "no picture")
    for _ in 1...2 {
      try refuses(["--strict", "--metrics", "kpm"], data, code: 65, saying: ["b.png: not a JPEG"])
    }
    let text = try succeeds(["summary", output]).output
    #expect(text.hasPrefix("1 of 3 samples, 0 failed"))
  }

  @Test func mapsThatWereNotSaved() throws {
    let data = try pictures("a.png")
    let arguments = [
      "evaluate", Program.shapes, "--data", data, "--methods", "gradient", "--metrics", "gini",
      "--output", output, "--quiet",
    ]
    try succeeds(arguments)
    try fails(
      arguments + ["--save-maps", scratch.path + "/maps"], code: 64,
      saying: ["1 of its 1 samples were evaluated without saving maps"])
  }

  /// A folder of maps holds all those of one evaluation, or is refused.
  @Test func mapsOfAnotherEvaluation() throws {
    let data = try pictures("a.png", "b.png", "c.png")
    let maps = scratch.path + "/maps"
    func arguments(_ name: String = "r", _ more: String...) -> [String] {
      [
        "evaluate", Program.shapes, "--data", data, "--methods", "gradient,random", "--metrics",
        "gini", "--output", "\(scratch.path)/\(name).sqlite", "--quiet", "--save-maps", maps,
      ] + more
    }
    for _ in 1...2 { try succeeds(arguments()) }
    let record = String(decoding: try bytes(of: maps + "/maps.json"), as: UTF8.self)
    #expect(record.hasPrefix("{\"evaluation\":"), "\(record)")
    try fails(
      arguments("other", "--baseline", "black"), code: 64, saying: ["maps of another evaluation"])
    try fails(
      arguments("r", "--maps-type", "float16"), code: 64, saying: ["maps of float32, not float16"])
    try FileManager.default.removeItem(atPath: maps + "/shapes/random/b.png.npy")
    try fails(
      arguments(), code: 64, saying: ["1 of its 3 samples were evaluated without saving maps"])
    try succeeds(arguments("anew"))
    try succeeds(arguments())
    try FileManager.default.removeItem(atPath: maps + "/maps.json")
    try fails(arguments(), code: 64, saying: ["3 of its 3 samples"])
  }

  @Test func nothingThatCanBeRead() throws {
    try refuses([], scratch.path + "/none", code: 66, saying: ["no such file or folder"])
    try scratch.write("broken/a.png", "no picture")
    try refuses(
      [], scratch.path + "/broken", code: 65,
      saying: ["none of the 1 samples can be read", "a.png"])
  }

  @Test func methodsThatAreNotDefined() throws {
    let data = try pictures("a.png")
    try refuses(["--methods", "xg"], data, code: 64, saying: ["'xg' needs a homogeneous model"])
    for (option, list, reason) in [
      ("--methods", "ig:0", "'0' is neither a count"), ("--methods", "shap", "is not one of auto"),
      ("--methods", "ig,ig:128", "one method twice"), ("--metrics", "iou", "is not one of paper"),
      ("--metrics", "kpm,,kam", "empty item"), ("--shard", "0/2", "is no I/N"),
      ("--target", "star", "neither label nor argmax"), ("--maps-type", "int8", "neither float32"),
      ("--methods", "expected-gradients:65", "between 1 and 64"),
    ] {
      let outcome = try Program.run(
        ["evaluate", Program.shapes, "--data", data, "--output", output, option, list])
      #expect(outcome.code == 64)
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }
  }

  // MARK: - Files of results

  @Test func anotherEvaluation() throws {
    let data = try pictures("a.png")
    let arguments = ["evaluate", Program.shapes, "--data", data, "--quiet", "--output", output]
    try succeeds(arguments + ["--methods", "gradient"])
    try succeeds(arguments + ["--methods", "gradient"])
    try refuses(
      ["--methods", "random"], data, code: 64, saying: ["methods is gradient there, random here"])
    try refuses(["--seed", "4"], data, code: 64, saying: ["seed is 0 there, 4 here"])
    try refuses(
      ["--shard", "1/1", "--baseline", "mean"], data, code: 64, saying: ["baseline is zero"])
    try refuses(["--shard", "1/2"], data, code: 64, saying: ["it holds shard 1/1, not 1/2"])
    try scratch.write("data/a.png", bytes(of: Program.star) + [0])
    try refuses([], data, code: 64, saying: ["data.digest", "of 1 samples there", "of 1 here"])
    try scratch.write("data/b.png", bytes(of: Program.star))
    try refuses([], data, code: 64, saying: ["data.digest", "of 1 samples there", "of 2 here"])
  }

  @Test func aBaselineThatIsNone() throws {
    let data = try pictures("a.png")
    try refuses(
      ["--baseline", "blak"], data, code: 66, saying: ["blak: ", "did you mean 'black'"])
  }

  /// A protocol that other fields are in names its file.
  @Test func aProtocolThatCannotBeRead() throws {
    try succeeds([
      "evaluate", Program.shapes, "--data", try pictures("a.png"), "--methods", "gradient",
      "--metrics", "gini", "--quiet", "--output", output,
    ])
    var file = try bytes(of: output)
    let key = Array("\"baseline\"".utf8)
    let place = try #require(
      file.indices.first { file[$0...].starts(with: key) })
    file[place + key.count - 2] = UInt8(ascii: "f")
    try scratch.write("r.sqlite", file)
    try fails(["summary", output], code: 65, saying: ["\(output): its protocol cannot be read"])
  }

  @Test func filesThatHoldNoResults() throws {
    let data = try pictures("a.png")
    for text in ["no database", "SQLite format 3\0and no more"] {
      try scratch.write("r.sqlite", text)
      try refuses([], data, code: 65, saying: ["r.sqlite", "it is no file of results"])
      try fails(["summary", output], code: 65, saying: ["it is no file of results"])
      #expect(try bytes(of: output) == Array(text.utf8))
    }
    try fails(["summary", scratch.path + "/none"], code: 66, saying: ["no such file"])
    try fails(["summary", scratch.path], code: 66, saying: ["it is a folder"])
  }

  @Test func filesOfAnotherVersionAndDamagedOnes() throws {
    let data = try pictures("a.png", "b.png", "c.png")
    try succeeds([
      "evaluate", Program.shapes, "--data", data, "--methods", "gradient,random", "--quiet",
      "--output", output,
    ])
    let sound = try bytes(of: output)
    // The user version lies at byte 60 of the header: <https://www.sqlite.org/fileformat.html>.
    var newer = sound
    newer[63] = 9
    try scratch.write("r.sqlite", newer)
    try refuses([], data, code: 65, saying: ["version 9, this program writes version 1"])
    var damaged = sound
    for index in 4096..<min(damaged.count, 40_960) {
      damaged[index] = UInt8(truncatingIfNeeded: index &* 7)
    }
    try scratch.write("r.sqlite", damaged)
    try refuses([], data, code: 65, saying: ["damaged"])
    try fails(["summary", output], code: 65, saying: ["damaged"])
    try scratch.write("r.sqlite", Array(sound.prefix(sound.count / 2)))
    try refuses([], data, code: 65, saying: ["damaged"])
  }

  @Test func placesThatCannotBeWritten() throws {
    let data = try pictures("a.png")
    for place in ["/proc/r.sqlite", scratch.path + "/none/r.sqlite", scratch.path] {
      let outcome = try Program.run([
        "evaluate", Program.shapes, "--data", data, "--methods", "gradient", "--quiet",
        "--output", place,
      ])
      #expect(outcome.code == 73, "\(outcome.errors)")
      #expect(outcome.errors.contains("error: \(place)"))
    }
  }

  /// A file that may not grow, as on a full disk: what is complete is kept and gone on with.
  @Test func aFullDisk() throws {
    let images = Program.packageRoot + "/models/shapes/images"
    let words =
      "ascribe evaluate \(Program.shapes) --data \(images) --methods gradient,random"
      + " --metrics accuracy,kpm,knm,rpm,rnm --quiet --output \(output)"
    let outcome = try Program.shell("ulimit -f 200; \(words)")
    #expect(outcome.code == 73, "\(outcome.errors)")
    #expect(outcome.errors.contains("cannot be written"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(outcome.errors.contains("samples that are complete are kept"), "\(outcome.errors)")
    let text = try succeeds(["summary", output]).output
    #expect(text.contains(" of 200 samples, 0 failed"))
    #expect(try Program.shell(words).code == 0)
    #expect(try succeeds(["summary", output]).output.hasPrefix("200 of 200 samples"))
    let merged = scratch.path + "/merged.sqlite"
    let merge = try Program.shell("ulimit -f 60; ascribe merge \(output) --output \(merged)")
    #expect(merge.code == 73, "\(merge.errors)")
    #expect(merge.errors.hasPrefix("error: \(merged): cannot be written"), "\(merge.errors)")
  }

  /// Nothing is said to be kept where nothing is.
  @Test func aDiskThatIsFullAtOnce() throws {
    let images = Program.packageRoot + "/models/shapes/images"
    let outcome = try Program.shell(
      "ulimit -f 60; ascribe evaluate \(Program.shapes) --data \(images) --methods gradient,random"
        + " --metrics accuracy,kpm,knm,rpm,rnm --quiet --output \(output)")
    #expect(outcome.code == 73, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("are kept") == FileManager.default.fileExists(atPath: output),
      "\(outcome.errors)")
  }

  /// Numbers are not preprocessed, and nothing says that they are.
  @Test func preprocessingOfNumbers() throws {
    let rows = Tensor([Float](repeating: 0.5, count: 2 * 3 * 64 * 64), shape: [2, 3, 64, 64])
    let data = try scratch.write("x.npy", rows.npyData())
    try refuses(
      ["--metrics", "gini", "--preprocess", "unit"], data, code: 64,
      saying: ["no sample or baseline is a picture"])
    let arguments = [
      "evaluate", Program.shapes, "--data", data, "--output", output, "--methods", "gradient",
      "--metrics", "gini",
    ]
    #expect(try !Program.run(arguments).errors.contains("preprocessed"))
    try succeeds([
      "evaluate", Program.shapes, "--data", data, "--output", scratch.path + "/black.sqlite",
      "--methods", "ig:2", "--metrics", "gini", "--baseline", "black", "--preprocess", "unit",
      "--quiet",
    ])
  }

  @Test func twoAtOnce() throws {
    let images = Program.packageRoot + "/models/shapes/images"
    let words =
      "ascribe evaluate \(Program.shapes) --data \(images) --methods gradient --quiet"
      + " --metrics kpm,knm,kam,ram,rpm,rnm --output \(output)"
    let outcome = try Program.shell(
      "\(words) > /dev/null & until [ -s \(output) ]; do sleep .02; done; \(words); code=$?; wait; exit $code"
    )
    #expect(outcome.code == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains("another evaluation writes there"))
  }
}
