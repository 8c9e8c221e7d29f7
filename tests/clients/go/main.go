// The typed service through generated Go stubs.
//
// Runs one call: `client METHOD SECONDS < request.json`. Prints {"images": [base64...]}, or {"error": ...} with
// the status code and the google.rpc details that an application can read.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "routerhub.test/client/imagespb"
)

// grpc-go refuses replies over 4 MiB unless told otherwise.
const maxReplyBytes = 64 << 20

type call func(context.Context, pb.ImageGenerationServiceClient, []byte) ([][]byte, error)

var methods = map[string]call{"GenerateContent": generateContent, "GenerateImages": generateImages}

func main() {
	if len(os.Args) != 3 || methods[os.Args[1]] == nil {
		fatal(fmt.Errorf("usage: client GenerateContent|GenerateImages TIMEOUT < request.json"))
	}
	timeout, err := time.ParseDuration(os.Args[2])
	fatal(err)
	request, err := io.ReadAll(os.Stdin)
	fatal(err)
	connection, err := grpc.NewClient(
		os.Getenv("ROUTERHUB_GRPC"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReplyBytes)),
	)
	fatal(err)
	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("ROUTERHUB_KEY"))
	images, err := methods[os.Args[1]](ctx, pb.NewImageGenerationServiceClient(connection), request)
	if err != nil {
		show(map[string]any{"error": readable(status.Convert(err))})
		return
	}
	show(map[string]any{"images": images})
}

func generateContent(ctx context.Context, service pb.ImageGenerationServiceClient, body []byte) ([][]byte, error) {
	request := &pb.GenerateContentRequest{}
	parse(body, request)
	reply, err := service.GenerateContent(ctx, request)
	if err != nil {
		return nil, err
	}
	var images [][]byte
	for _, part := range reply.GetCandidates()[0].GetContent().GetParts() {
		if blob := part.GetInlineData(); blob != nil {
			images = append(images, blob.GetData())
		}
	}
	return images, nil
}

func generateImages(ctx context.Context, service pb.ImageGenerationServiceClient, body []byte) ([][]byte, error) {
	request := &pb.GenerateImagesRequest{}
	parse(body, request)
	reply, err := service.GenerateImages(ctx, request)
	if err != nil {
		return nil, err
	}
	var images [][]byte
	for _, image := range reply.GetData() {
		images = append(images, image.GetB64Json())
	}
	return images, nil
}

func readable(failure *status.Status) map[string]any {
	details := []map[string]any{}
	for _, detail := range failure.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			details = append(details, map[string]any{"reason": detail.GetReason(), "domain": detail.GetDomain()})
		case *errdetails.BadRequest:
			var fields []string
			for _, violation := range detail.GetFieldViolations() {
				fields = append(fields, violation.GetField())
			}
			details = append(details, map[string]any{"fields": fields})
		case *errdetails.RetryInfo:
			details = append(details, map[string]any{"retry_seconds": detail.GetRetryDelay().AsDuration().Seconds()})
		}
	}
	return map[string]any{"code": failure.Code().String(), "message": failure.Message(), "details": details}
}

func parse(body []byte, request proto.Message) { fatal(protojson.Unmarshal(body, request)) }

func show(value any) { fatal(json.NewEncoder(os.Stdout).Encode(value)) }

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
