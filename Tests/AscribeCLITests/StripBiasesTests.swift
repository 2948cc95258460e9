import Foundation
import TestSupport
import Testing

/// `strip-biases` as its users run it.
struct StripBiasesTests {
  private static let mobile = Program.packageRoot + "/Tests/Golden/separable.onnx"
  private static let pictures = Program.packageRoot + "/models/shapes/images"

  /// Expects these arguments after the model to be refused, and nothing to be written.
  private func isRefused(
    _ arguments: [String], model: String = Program.shapes, code: Int32, saying parts: [String],
    scratch: Scratch, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = scratch.names()
    try fails(
      ["strip-biases", model, "--output", scratch.path + "/out.onnx"] + arguments, code: code,
      saying: parts, sourceLocation: sourceLocation)
    #expect(scratch.names() == before, sourceLocation: sourceLocation)
  }

  /// Copies pictures of two classes into a folder of a scratch folder.
  private func calibrationFolder(_ scratch: Scratch, count: Int) throws -> String {
    for name in ["star", "ring"] {
      for number in 0..<count {
        let file = String(format: "%03d.png", number)
        try scratch.write(
          "pictures/\(name)/\(file)", try bytes(of: "\(Self.pictures)/\(name)/\(file)"))
      }
    }
    return scratch.path + "/pictures"
  }

  @Test func namesWhatItRemovesAndSaysThatNothingWasMeasured() throws {
    let scratch = try Scratch()
    let output = scratch.path + "/x.onnx"
    let lines = try succeeds(["strip-biases", Program.shapes, "--output", output]).output
    #expect(lines.contains("removed 8 biases, 474 numbers"))
    #expect(lines.contains("classifier.bias"))
    #expect(lines.contains("homogeneous of degree 1"))
    #expect(lines.contains("not measured"))
    #expect(scratch.names() == ["x.onnx"])
    let summary = try succeeds(["inspect", output]).output
    #expect(summary.contains("yes, of degree 1"))
    let report = try succeeds([
      "attribute", output, Program.star, "--method", "xg", "--preprocess", "unit", "--format",
      "npy", "--output", scratch.path,
    ])
    #expect(report.output.contains("(xg, "))
  }

  @Test func saysThatThereIsNothingToStrip() throws {
    let scratch = try Scratch()
    let (once, twice) = (scratch.path + "/1.onnx", scratch.path + "/2.onnx")
    try succeeds(["strip-biases", Program.shapes, "--output", once])
    let lines = try succeeds(["strip-biases", once, "--output", twice]).output
    #expect(lines.contains("nothing to strip"))
    #expect(!lines.contains("not measured"))
    #expect(scratch.names() == ["1.onnx", "2.onnx"])
  }

  @Test func printsJSON() throws {
    let scratch = try Scratch()
    let outcome = try succeeds([
      "strip-biases", Self.mobile, "--output", scratch.path + "/x.onnx", "--replace", "--json",
    ])
    let report = try #require(try outcome.json() as? [String: Any])
    #expect((report["removed"] as? [Any])?.count == 8)
    #expect((report["replaced"] as? [Any])?.count == 5)
    #expect((report["homogeneity"] as? [String: Any])?["degree"] as? Int == 1)
    #expect(report["measured"] is NSNull)
    #expect(report["calibration"] is NSNull)
  }

  @Test func fitsToPicturesAndNamesThoseThatCannotBeRead() throws {
    let scratch = try Scratch()
    let folder = try calibrationFolder(scratch, count: 6)
    try scratch.write("pictures/star/broken.png", "no picture")
    try scratch.write("pictures/notes.txt", "no picture either, and not looked at")
    let output = scratch.path + "/x.onnx"
    let arguments = [
      "strip-biases", Program.shapes, "--output", output, "--absorb", folder, "--compare-maps",
      "1", "--absorb-method", "reconstruction",
    ]
    let outcome = try succeeds(arguments)
    #expect(outcome.output.contains("fitted to 10 pictures"))
    #expect(outcome.output.contains("agreement with the original on 2 pictures"))
    #expect(outcome.output.contains("skipped 1 file"))
    #expect(outcome.output.contains("star/broken.png"))
    #expect(outcome.errors.contains("note: skipped"))
    #expect(scratch.names() == ["pictures", "x.onnx"])
    let first = try bytes(of: output)
    let again = try succeeds(arguments + ["--json", "--quiet"])
    #expect(again.errors.isEmpty)
    #expect(try bytes(of: output) == first)
    let report = try #require(try again.json() as? [String: Any])
    let measured = try #require(report["measured"] as? [String: Any])
    let names = (measured["variants"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
    #expect(names == ["original", "stripped", "reconstruction"])
  }

  @Test func comparesOnDataWithoutFitting() throws {
    let scratch = try Scratch()
    let folder = try calibrationFolder(scratch, count: 2)
    let output = try succeeds([
      "strip-biases", Program.shapes, "--output", scratch.path + "/x.onnx", "--data", folder,
      "--compare-maps", "0",
    ]).output
    #expect(output.contains("agreement with the original on 4 pictures"))
    #expect(output.contains("accuracy"))
    #expect(!output.contains("xg - ig"))
  }

  @Test func theModelIsNotOverwritten() throws {
    let scratch = try Scratch()
    let path = try scratch.write("model.onnx", try bytes(of: Program.shapes))
    let before = try bytes(of: path)
    for output in [path, scratch.path + "/./model.onnx"] {
      try fails(
        ["strip-biases", path, "--output", output], code: 64,
        saying: ["the output is the model itself"])
    }
    #expect(try bytes(of: path) == before)
  }

  @Test func foldersThatHoldNothing() throws {
    let scratch = try Scratch()
    try scratch.write("empty/notes.txt", "no picture")
    try scratch.write("broken/0.png", "no picture")
    for option in ["--absorb", "--data"] {
      try isRefused(
        [option, scratch.path + "/none"], code: 66, saying: ["none", "no such folder"],
        scratch: scratch)
      try isRefused(
        [option, Program.star], code: 66, saying: ["a folder is wanted"], scratch: scratch)
      try isRefused(
        [option, scratch.path + "/empty"], code: 66, saying: ["empty", "no picture"],
        scratch: scratch)
      try isRefused(
        [option, scratch.path + "/broken"], code: 66, saying: ["broken", "none of the 1 files"],
        scratch: scratch)
    }
  }

  @Test func onePictureIsNotEnough() throws {
    let scratch = try Scratch()
    try scratch.write("one/0.png", try bytes(of: Program.star))
    try isRefused(
      ["--absorb", scratch.path + "/one"], code: 65, saying: ["two pictures"], scratch: scratch)
  }

  @Test func optionsThatMakeNoSense() throws {
    let scratch = try Scratch()
    try isRefused(["--also", "nothing"], code: 64, saying: ["nothing"], scratch: scratch)
    try isRefused(
      ["--strict"], model: Self.mobile, code: 65, saying: ["Clip(0, 6)", "--replace"],
      scratch: scratch)
    for arguments in [
      ["--resume"], ["--absorb-method", "absorption"], ["--absorb", "x", "--absorb-method", "x"],
      ["--compare-maps", "-1"],
    ] {
      let outcome = try Program.run(
        ["strip-biases", Program.shapes, "--output", scratch.path + "/out.onnx"] + arguments)
      #expect(outcome.code == 64, "\(arguments): \(outcome.errors)")
    }
    #expect(try Program.run(["strip-biases", Program.shapes]).code == 64)
    #expect(scratch.names().isEmpty)
  }

  @Test func anOutputThatCannotBeWritten() throws {
    let scratch = try Scratch()
    try fails(
      ["strip-biases", Program.shapes, "--output", scratch.path + "/none/out.onnx"], code: 73,
      saying: ["none/out.onnx"])
    #expect(scratch.names().isEmpty)
  }

  @Test func forceNamesWhatItComputes() throws {
    let scratch = try Scratch()
    let arguments = [
      "attribute", Program.shapes, Program.star, "--output", scratch.path, "--format", "json",
      "--method", "xg",
    ]
    try fails(arguments, code: 64, saying: ["xg needs a homogeneous model", "adds its bias"])
    let outcome = try succeeds(arguments + ["--force"])
    #expect(outcome.output.contains("(input-x-gradient, "))
    #expect(outcome.errors.contains("not homogeneous"))
    let text = try String(contentsOfFile: scratch.path + "/000.json", encoding: .utf8)
    #expect(text.contains("\"input-x-gradient\"") && !text.contains("\"xg\""))
    try fails(
      arguments + ["--force", "--baseline", "black"], code: 64, saying: ["zero baseline"])
    #expect(
      try Program.run(["attribute", Program.shapes, Program.star, "--force"]).code == 64)
  }
}
